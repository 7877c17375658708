/** How one attempt at a server ended. */
export type Outcome =
  /** Answered to the end. */
  | "ok"
  /** Answered with a 4xx that any server would give: the client's own error. */
  | "client_error"
  /** Answered with a 4xx where another server answered the same request well. */
  | "outlier"
  /** The client left first. */
  | "client_closed"
  /** No connection could be made. */
  | "refused"
  /** The connection broke before the answer began. */
  | "reset"
  /** Silent for longer than `request_timeout`, or moved away from an engine that stood still. */
  | "timeout"
  /** Answered 500, 502 or 504. */
  | "bad_status"
  /** Answered 429 or 503: alive, and asking for less. */
  | "backpressure"
  /** Turned away by a server that finishes what it has and then exits. */
  | "draining"
  /** The server gave the answer up: `finish_reason: "abort"`, or an end without an answer. */
  | "aborted"
  /** The answer began and broke off. */
  | "truncated";

/** What an outcome says of the server: `true` in its favour, `false` against it, else nothing. */
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

/** What another server may do better; a client's own error or leaving is none of it. */
export function isFailure(
  outcome: Outcome,
): outcome is Exclude<Outcome, "ok" | "client_error" | "client_closed"> {
  return outcome !== "ok" && outcome !== "client_error" && outcome !== "client_closed";
}
