import { type ApiError, errorBody, errorEvent, errorHead } from "../../http/api_errors.ts";
import type { Exchange, Head } from "../../http/exchange.ts";

/** If a client has not taken this many comments, further ones are dropped. */
const MOST_COMMENTS = 64;

const encoder = new TextEncoder();

/**
 * The answer to a client. What has reached the client decides what can still be said:
 *
 * - `fresh`: nothing. Any server's answer, or an error of the router's, can be the answer.
 * - `opened`: the head of a stream, and what servers send before the first token. Another server
 *   can still answer; an error becomes an event, and the end is not clean.
 * - `begun`: the beginning of one server's answer. Only that server can go on.
 */
export type ReplyState = "fresh" | "opened" | "begun";

/** Writes the answer to one request. */
export interface Reply {
  readonly state: ReplyState;
  /** An event that precedes the engine's work was passed on: no second server may send it. */
  readonly hasPreamble: boolean;
  /** Sends the head of a stream ahead of its first token. Only the first call counts. */
  open(head: () => Head): void;
  /** Passes on what comes before the first token, if the head is out. */
  pass(bytes: Uint8Array<ArrayBuffer>, kind: "preamble" | "comment"): void;
  /** Answers with a whole body. */
  respond(status: number, head: Head, body: Uint8Array<ArrayBuffer>): void;
  /** Answers with an error of the router's. */
  reject(error: ApiError, head: Head): void;
  /** Begins an answer whose body follows by `write`. Settles as `write` does. */
  begin(status: number, head: Head): Promise<void>;
  /** Settles when the client is ready for more, or won't get any more. */
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Ends the answer cleanly. */
  end(): void;
  /** Ends it where the client has left. */
  abandon(): void;
  /**
   * Ends the answer so that the client knows it is not whole.
   *
   * @param error reported in an event before that
   */
  breakOff(error?: ApiError): void;
}

export function createReply(exchange: Exchange): Reply {
  let state: ReplyState = "fresh";
  let hasPreamble = false;

  /** Its status can no longer be told; its body can, as an event's data, which is one line. */
  function breakOffWith(body: string): void {
    const data = body.replace(/\s*[\r\n]+\s*/g, " ");
    exchange.write(encoder.encode(`data: ${data}\n\n`)).then(exchange.abort);
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
    },
    pass(bytes, kind) {
      hasPreamble ||= kind === "preamble";
      if (state !== "opened") return;
      if (kind === "comment" && exchange.unsent > MOST_COMMENTS) return;
      void exchange.write(bytes);
    },
    respond(status, head, body) {
      if (state === "fresh") {
        state = "begun";
        return exchange.respond(status, head, body.length > 0 ? body : undefined);
      }
      state = "begun";
      if (status < 200 || status > 299) return breakOffWith(new TextDecoder().decode(body));
      exchange.write(body).then(exchange.end);
    },
    reject(error, head) {
      if (state === "fresh") {
        state = "begun";
        return exchange.respond(
          error.status,
          errorHead(error, head),
          encoder.encode(errorBody(error)),
        );
      }
      breakOffWith(errorBody(error));
    },
    begin(status, head) {
      const wasFresh = state === "fresh";
      state = "begun";
      return wasFresh ? exchange.begin(status, head) : Promise.resolve();
    },
    write: exchange.write,
    end: exchange.end,
    abandon() {
      // The runtime takes an answer for each request.
      if (state === "fresh") exchange.respond(499, [], undefined);
      else exchange.abort();
    },
    breakOff(error) {
      if (!error) return exchange.abort();
      exchange.write(errorEvent(error)).then(exchange.abort);
    },
  };
}
