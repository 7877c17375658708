import type { Outcome } from "../../fleet/outcome.ts";
import { isConnectError } from "../../http/fetch_error.ts";

/** Why the router aborted an attempt. */
export type Expiry =
  /** No connection in time. */
  | "unreachable"
  /** The server sent nothing for too long. */
  | "silent"
  /** The server left rotation, or its engine stalled, before the first token. */
  | "evicted"
  /** The same after the first token: nothing came for `stall_timeout`. */
  | "stopped"
  /** The server is being drained, and another one goes on with its stream. */
  | "drained"
  /** The client stopped reading for too long. */
  | "unread"
  /** The request as a whole took too long. */
  | "overdue"
  /** A stopping router no longer waits for it. */
  | "cut_off";

/** The facts about an attempt that has ended, or about its beginning. */
export interface Facts {
  /** The status of the answer's head, or of an error event in a stream. */
  readonly status: number | undefined;
  /** What broke it, if anything. */
  readonly error: unknown;
  /** Why the router aborted it, if it did. */
  readonly expired: Expiry | undefined;
  /** The client has disconnected. */
  readonly clientLeft: boolean;
  /** The answer reports that the server aborted it. */
  readonly isAborted?: boolean | undefined;
  /** The answer is the error of a server that is shutting down. */
  readonly isShutdown?: boolean | undefined;
}

/**
 * Decides the outcome of an attempt. A status that reports a failure outweighs a break that
 * follows it; an end by the client or the router is not the server's failure.
 */
export function outcomeOf(facts: Facts): Outcome {
  const { status, error, expired, clientLeft } = facts;
  if (error !== undefined && (clientLeft || expired === "unread")) return "client_closed";
  if (facts.isShutdown) return "draining";
  if (facts.isAborted) return "aborted";
  const byStatus = status === undefined ? undefined : outcomeOfStatus(status);
  if (error === undefined || byStatus === "bad_status" || byStatus === "backpressure") {
    return byStatus ?? "reset";
  }
  if (expired) return expired === "unreachable" ? "refused" : "timeout";
  if (status !== undefined) return "truncated";
  return isConnectError(error) ? "refused" : "reset";
}

/**
 * Returns the outcome of a request whose last attempt ended like this. A request that a stopping
 * router cuts off is nobody's failure.
 */
export function outcomeFor(
  attempt: { readonly outcome: Outcome; readonly expired: Expiry | undefined } | undefined,
): Outcome | "rejected" {
  return !attempt || attempt.expired === "cut_off" ? "rejected" : attempt.outcome;
}

/**
 * The outcome of a request whose client left before any server was asked, and of an attempt that a
 * defect of the router's ended. No server is to blame.
 */
export const NOBODYS_FAULT: Outcome = "client_closed";

/** Returns whether a status redirects the client. */
export function isRedirect(status: number): boolean {
  return status >= 300 && status <= 399;
}

function outcomeOfStatus(status: number): Outcome {
  switch (status) {
    case 429:
    case 503:
      return "backpressure";
    case 500:
    case 502:
    case 504:
      return "bad_status";
    default:
      // A redirect is not a server's answer.
      if (isRedirect(status)) return "bad_status";
      return status >= 400 ? "client_error" : "ok";
  }
}
