import type { ApiError } from "../../http/api_errors.ts";
import { errorBody, errorFormatOf, errorHead } from "../../http/error_answer.ts";
import type { Exchange, Head } from "../../http/exchange.ts";
import { concat } from "../../util/bytes.ts";
import { startTimer, stopTimer, type Timer } from "../../util/timers.ts";
import { errorOf } from "../../vllm/error_of.ts";
import { errorEvents, withName } from "./error_events.ts";

/** While this many writes are unsent, further comments are dropped. */
const MOST_COMMENTS = 64;

/** Longer events before the first token aren't kept for the event that reports an error. */
const LONGEST_PREAMBLE = 64 * 1024;

/** nginx's status for a client that disconnected. Only the log shows it. */
export const CLIENT_LEFT = 499;

const encoder = new TextEncoder();
const KEEP_ALIVE = encoder.encode(": keep-alive\n\n");

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
  readonly #id: string;
  readonly #keepAliveMs: number | undefined;
  #state: ReplyState = "fresh";
  #hasPreamble = false;
  #preamble: Uint8Array<ArrayBuffer> | undefined;
  #keepAlive: Timer | undefined;

  /**
   * @param id the request's id
   * @param keepAliveMs interval of comments between the head of a stream and its first token.
   *   @default none are sent
   */
  constructor(exchange: Exchange, id: string, keepAliveMs?: number) {
    this.#exchange = exchange;
    this.#id = id;
    this.#keepAliveMs = keepAliveMs;
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
    this.#keepAliveAgain();
  }

  /** Passes on what comes before the first token, if the head has been sent. */
  pass(bytes: Uint8Array<ArrayBuffer>, kind: "preamble" | "comment"): void {
    this.#hasPreamble ||= kind === "preamble";
    if (this.#state !== "opened") return;
    if (kind === "comment" && this.#exchange.unsent > MOST_COMMENTS) return;
    if (kind === "preamble" && this.#format === "responses") this.#keepPreamble(bytes);
    void this.#exchange.write(bytes);
    this.#keepAliveAgain();
  }

  /** Whether the client can still be sent this status: once the head is sent, it reads 200. */
  canSend(status: number): boolean {
    return this.#state === "fresh" || (status >= 200 && status <= 299);
  }

  /** Answers with a whole body; as an event and a broken end if its status can't be sent. */
  respond(status: number, head: Head, body: Uint8Array<ArrayBuffer>): void {
    const exchange = this.#exchange;
    const [isFresh, isSendable] = [this.#state === "fresh", this.canSend(status)];
    if (!isFresh && !isSendable && this.#format === "responses") {
      return this.breakOff(errorOf(status, body));
    }
    this.#begun();
    if (isFresh) {
      const named = withName(body, this.#format);
      return exchange.respond(status, head, named.length > 0 ? named : undefined);
    }
    if (isSendable) return void this.writeError(body).then(() => exchange.end());
    // An event's data is one line.
    const data = new TextDecoder().decode(body).replace(/\s*[\r\n]+\s*/g, " ");
    this.writeError(encoder.encode(`data: ${data}\n\n`)).then(() => exchange.abort());
  }

  /** Answers with an error of the router's. */
  reject(error: ApiError, head: Head): void {
    if (this.#state !== "fresh") return this.breakOff(error);
    const body = encoder.encode(errorBody(error, this.#format, this.#id));
    this.respond(error.status, errorHead(error, head), body);
  }

  /** Begins an answer whose body follows by `write`. Settles as `write` does. */
  begin(status: number, head: Head): Promise<void> {
    const wasFresh = this.#state === "fresh";
    this.#begun();
    return wasFresh ? this.#exchange.begin(status, head) : Promise.resolve();
  }

  /** Settles when the client can take more, or has disconnected. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#exchange.write(bytes);
  }

  /** Writes the events of a server, with the one that reports its error. */
  writeError(events: Uint8Array<ArrayBuffer>): Promise<void> {
    return this.#exchange.write(withName(events, this.#format));
  }

  /** Ends the answer cleanly. */
  end(): void {
    this.#exchange.end();
  }

  /** Ends the answer to a client that has disconnected. */
  abandon(): void {
    const wasFresh = this.#state === "fresh";
    this.#begun();
    // Each request needs an answer, even if nobody reads it.
    if (wasFresh) this.#exchange.respond(CLIENT_LEFT, [], undefined);
    else this.#exchange.abort();
  }

  /**
   * Ends the answer so that the client can tell it is incomplete. For `/v1/responses` the last event
   * tells that, and Codex shows its message only if the answer ends cleanly behind it; any other
   * answer breaks off.
   *
   * @param error sent as an event first
   * @param tail the last bytes that the client was sent
   */
  breakOff(error?: ApiError, tail?: Uint8Array): void {
    this.#begun();
    const exchange = this.#exchange;
    if (!error) return exchange.abort();
    const format = this.#format;
    const failing = { format, id: this.#id, preamble: this.#preamble, tail };
    exchange.write(errorEvents(error, failing)).then(() =>
      format === "responses" ? exchange.end() : exchange.abort()
    );
  }

  /** Stops what runs before the first token, in case a defect has left it running. */
  stop(): void {
    stopTimer(this.#keepAlive);
  }

  get #format() {
    return errorFormatOf(this.#exchange.target);
  }

  #begun(): void {
    this.#state = "begun";
    stopTimer(this.#keepAlive);
  }

  #keepPreamble(bytes: Uint8Array<ArrayBuffer>): void {
    const kept = this.#preamble ? concat([this.#preamble, bytes]) : bytes;
    if (kept.length <= LONGEST_PREAMBLE) this.#preamble = kept;
  }

  #keepAliveAgain(): void {
    if (this.#keepAliveMs === undefined) return;
    stopTimer(this.#keepAlive);
    this.#keepAlive = startTimer(this.#sendKeepAlive, this.#keepAliveMs);
  }

  readonly #sendKeepAlive = () => {
    // A client that hasn't taken what came before needs no sign of life.
    if (this.#exchange.unsent === 0) void this.#exchange.write(KEEP_ALIVE);
    this.#keepAliveAgain();
  };
}
