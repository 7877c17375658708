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
export interface Reply {
  readonly state: ReplyState;
  /** An event that precedes the engine's work was passed on; no second server may repeat it. */
  readonly hasPreamble: boolean;
  /** Sends the head of a stream ahead of its first token. Only the first call counts. */
  open(head: () => Head): void;
  /** Passes on bytes that precede the first token, if the head has been sent. */
  pass(bytes: Uint8Array<ArrayBuffer>, kind: "preamble" | "comment"): void;
  /** Whether this status can still be sent: once the head is sent, the client has read 200. */
  canSend(status: number): boolean;
  /** Answers with a whole body; as an event and a broken end if its status can't be sent. */
  respond(status: number, head: Head, body: Uint8Array<ArrayBuffer>): void;
  /** Answers with an error of the router's. */
  reject(error: ApiError, head: Head): void;
  /** Begins an answer whose body follows by `write`. Settles as `write` does. */
  begin(status: number, head: Head): Promise<void>;
  /** Settles when the client can take more, or has disconnected. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends the answer cleanly. */
  end(): void;
  /** Ends the answer to a client that has disconnected. */
  abandon(): void;
  /**
   * Ends the answer so that the client detects that it is incomplete.
   *
   * @param error sent as an event first
   */
  breakOff(error?: ApiError): void;
}

export function createReply(exchange: Exchange): Reply {
  let state: ReplyState = "fresh";
  let hasPreamble = false;

  const canSend = (status: number) => state === "fresh" || (status >= 200 && status <= 299);

  function respond(status: number, head: Head, body: Uint8Array<ArrayBuffer>): void {
    const [isFresh, isSendable] = [state === "fresh", canSend(status)];
    state = "begun";
    if (isFresh) return exchange.respond(status, head, body.length > 0 ? body : undefined);
    if (isSendable) return void exchange.write(body).then(() => exchange.end());
    // An event's data is one line.
    const data = new TextDecoder().decode(body).replace(/\s*[\r\n]+\s*/g, " ");
    exchange.write(encoder.encode(`data: ${data}\n\n`)).then(() => exchange.abort());
  }

  return {
    get state() {
      return state;
    },
    get hasPreamble() {
      return hasPreamble;
    },
    open(head) {
      if (state !== "fresh") return;
      state = "opened";
      void exchange.begin(200, head());
      exchange.flush();
    },
    pass(bytes, kind) {
      hasPreamble ||= kind === "preamble";
      if (state !== "opened") return;
      if (kind === "comment" && exchange.unsent > MOST_COMMENTS) return;
      void exchange.write(bytes);
    },
    canSend,
    respond,
    reject(error, head) {
      respond(error.status, errorHead(error, head), encoder.encode(errorBody(error)));
    },
    begin(status, head) {
      const wasFresh = state === "fresh";
      state = "begun";
      return wasFresh ? exchange.begin(status, head) : Promise.resolve();
    },
    write: (bytes) => exchange.write(bytes),
    end: () => exchange.end(),
    abandon() {
      // The runtime requires a response to each request.
      if (state === "fresh") exchange.respond(CLIENT_LEFT, [], undefined);
      else exchange.abort();
    },
    breakOff(error) {
      if (!error) return exchange.abort();
      exchange.write(errorEvent(error)).then(() => exchange.abort());
    },
  };
}
