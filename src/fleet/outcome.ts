/** How one attempt ended. */
export type Outcome =
  /** Answered to the end. */
  | "ok"
  /** Answered with a 4xx that any server would return: the client's own error. */
  | "client_error"
  /** Answered with a 4xx, but another server answered the same request well. */
  | "outlier"
  /** The client disconnected first. */
  | "client_closed"
  /** No connection could be made. */
  | "refused"
  /** The connection broke before the answer began. */
  | "reset"
  /** Silent for longer than `request_timeout`, or evicted from a stalled engine. */
  | "timeout"
  /** Answered 500, 502 or 504. */
  | "bad_status"
  /** Answered 429 or 503: alive, but overloaded. */
  | "backpressure"
  /** Rejected by a server that is shutting down and finishes only its running requests. */
  | "draining"
  /** The server aborted the answer: `finish_reason: "abort"`, or an end without an answer. */
  | "aborted"
  /** The answer began and broke off. */
  | "truncated";

/** Returns what an outcome says about the server: `true` good, `false` bad, `undefined` neither. */
export function verdict(outcome: Outcome): boolean | undefined {
  switch (outcome) {
    case "ok":
      return true;
    case "client_error":
    case "client_closed":
    case "backpressure":
    case "draining":
    case "aborted":
      return undefined;
    default:
      return false;
  }
}

/** Whether another server may do better. Client errors and disconnects are not failures. */
export function isFailure(
  outcome: Outcome,
): outcome is Exclude<Outcome, "ok" | "client_error" | "client_closed"> {
  return outcome !== "ok" && outcome !== "client_error" && outcome !== "client_closed";
}
