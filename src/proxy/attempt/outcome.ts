import type { Outcome } from "../../fleet/outcome.ts";
import { isConnectError } from "../../http/fetch_error.ts";

/** Why the router gave an attempt up. */
export type Expiry =
  /** No connection could be made in time. */
  | "unreachable"
  /** Nothing came for too long. */
  | "silent"
  /** The server went out, or its engine stands still, before the first token. */
  | "evicted"
  /** The same after it: nothing came for `stall_timeout`. */
  | "stopped"
  /** The client took nothing of the answer for too long. */
  | "unread"
  /** The request as a whole took too long. */
  | "overdue"
  /** The router stops and has waited long enough. */
  | "cut_off";

/** All that is known of an attempt when it has ended, or of its first part. */
export interface Facts {
  /** Of the answer's head, or of an error that came as an event of a stream. */
  readonly status: number | undefined;
  /** What broke it, `undefined` where nothing did. */
  readonly error: unknown;
  /** Why the router gave it up, where it did. */
  readonly expired: Expiry | undefined;
  /** The client has left. */
  readonly clientGone: boolean;
  /** The answer tells that its server gave it up. */
  readonly isGivenUp?: boolean | undefined;
  /** The answer is an error of a server that shuts down. */
  readonly isShutdown?: boolean | undefined;
}

/**
 * The one outcome of an attempt. A status that tells of a failure says more than the break that
 * may follow it; what the client or the router itself ended is not the server's break.
 */
export function outcomeOf(facts: Facts): Outcome {
  const { status, error, expired, clientGone } = facts;
  if (error !== undefined && (clientGone || expired === "unread")) return "client_closed";
  if (facts.isShutdown) return "draining";
  if (facts.isGivenUp) return "aborted";
  const told = status === undefined ? undefined : outcomeOfStatus(status);
  if (error === undefined || told === "bad_status" || told === "backpressure") {
    return told ?? "reset";
  }
  if (expired) return expired === "unreachable" ? "refused" : "timeout";
  if (status !== undefined) return "truncated";
  return isConnectError(error) ? "refused" : "reset";
}

/**
 * The outcome of a request whose last attempt ended like this. What the router cuts off as it stops
 * fails nobody.
 */
export function outcomeFor(
  attempt: { readonly outcome: Outcome; readonly expired: Expiry | undefined } | undefined,
): Outcome | "rejected" {
  return !attempt || attempt.expired === "cut_off" ? "rejected" : attempt.outcome;
}

/**
 * The outcome of a request whose client left before any server was asked, and of an attempt that a
 * defect of the router's ended: no server is to blame.
 */
export const NOBODYS_FAULT: Outcome = "client_closed";

/** Whether a status sends the client elsewhere. */
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
      // A redirect is no answer of a server's.
      if (isRedirect(status)) return "bad_status";
      return status >= 400 ? "client_error" : "ok";
  }
}
