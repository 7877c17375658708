import { type ApiError, errorBody, errorEvent, errorHead } from "../../http/api_errors.ts";
import type { Exchange, Head } from "../../http/exchange.ts";

/** While this many writes are unsent, further comments are dropped. */
const MOST_COMMENTS = 64;

/** nginx's status for a client that disconnected. Only the log shows it. */
export const CLIENT_LEFT = 499;

const encoder = new TextEncoder();

/**
 * The state of the answer to a client. What has already been sent decides what can still be sent:
 *
 * - `fresh`: nothing was sent. Any server's answer, or an error of the router's, can be the answer.
 * - `opened`: the head of a stream, and what servers send before the first token. Another server
 *   can still answer; an error is sent as an event, and the connection is aborted.
 * - `begun`: the beginning of one server's answer. Only that server can continue it.
 */
export type ReplyState = "fresh" | "opened" | "begun";

/** Writes the answer to one request. */
export class Reply {
  readonly #exchange: Exchange;
  #state: ReplyState = "fresh";
  #hasPreamble = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  get state(): ReplyState {
    return this.#state;
  }

  /** An event that precedes the engine's work was passed on; no second server may repeat it. */
  get hasPreamble(): boolean {
    return this.#hasPreamble;
  }

  /** Sends the head of a stream ahead of its first token. Only the first call counts. */
  open(head: () => Head): void {
    if (this.#state !== "fresh") return;
    this.#state = "opened";
    void this.#exchange.begin(200, head());
    this.#exchange.flush();
  }

  /** Passes on what comes before the first token, if the head has been sent. */
  pass(bytes: Uint8Array<ArrayBuffer>, kind: "preamble" | "comment"): void {
    this.#hasPreamble ||= kind === "preamble";
    if (this.#state !== "opened") return;
    if (kind === "comment" && this.#exchange.unsent > MOST_COMMENTS) return;
    void this.#exchange.write(bytes);
  }

  /** Whether the client can still be sent this status: once the head is sent, it reads 200. */
  canSend(status: number): boolean {
    return this.#state === "fresh" || (status >= 200 && status <= 299);
  }

  /** Answers with a whole body; as an event and a broken end if its status can't be sent. */
  respond(status: number, head: Head, body: Uint8Array<ArrayBuffer>): void {
    const exchange = this.#exchange;
    const [isFresh, isSendable] = [this.#state === "fresh", this.canSend(status)];
    this.#state = "begun";
    if (isFresh) return exchange.respond(status, head, body.length > 0 ? body : undefined);
    if (isSendable) return void exchange.write(body).then(() => exchange.end());
    // An event's data is one line.
    const data = new TextDecoder().decode(body).replace(/\s*[\r\n]+\s*/g, " ");
    exchange.write(encoder.encode(`data: ${data}\n\n`)).then(() => exchange.abort());
  }

  /** Answers with an error of the router's. */
  reject(error: ApiError, head: Head): void {
    this.respond(error.status, errorHead(error, head), encoder.encode(errorBody(error)));
  }

  /** Begins an answer whose body follows by `write`. Settles as `write` does. */
  begin(status: number, head: Head): Promise<void> {
    const wasFresh = this.#state === "fresh";
    this.#state = "begun";
    return wasFresh ? this.#exchange.begin(status, head) : Promise.resolve();
  }

  /** Settles when the client can take more, or has disconnected. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#exchange.write(bytes);
  }

  /** Ends the answer cleanly. */
  end(): void {
    this.#exchange.end();
  }

  /** Ends the answer to a client that has disconnected. */
  abandon(): void {
    // Each request needs an answer, even if nobody reads it.
    if (this.#state === "fresh") this.#exchange.respond(CLIENT_LEFT, [], undefined);
    else this.#exchange.abort();
  }

  /**
   * Ends the answer so that the client can tell it is incomplete.
   *
   * @param error sent as an event first
   */
  breakOff(error?: ApiError): void {
    if (!error) return this.#exchange.abort();
    this.#exchange.write(errorEvent(error)).then(() => this.#exchange.abort());
  }
}
