import type { Cause } from "../../fleet/attempt_end.ts";
import type { Outcome } from "../../fleet/outcome.ts";
import { type ClientError, isSameError } from "../../fleet/health/outlier_detection.ts";

/** A server's answer, or its failure to give one. */
export interface Given {
  readonly outcome: Outcome;
  readonly clientError?: ClientError | undefined;
}

/** Statuses about the size or form of one request, whose limits may differ between gateways. */
const OF_THIS_REQUEST: ReadonlySet<number> = new Set([413, 414, 415, 431]);

/**
 * Decides who caused a failure by comparing it with other servers' answers to the same request
 * (issue 13). If another server answered well, the failed server is to blame. A client error that
 * another server repeats is the client's. Any other failure is the request's if another server
 * failed too, or answered with a client error. If no other server could be asked, the server is to
 * blame; if only the retry budget prevented asking one, the cause is unknown.
 *
 * @param others that failed at the same request
 * @param passedOn the answer that the client gets, `undefined` if that is a failure
 */
export function causeOf(
  failure: Given,
  others: readonly Given[],
  passedOn: Given | undefined,
  wasRetryDenied: boolean,
): Cause {
  if (passedOn?.outcome === "ok") {
    return OF_THIS_REQUEST.has(failure.clientError?.status ?? 0) ? "unknown" : "server";
  }
  if (failure.outcome === "client_error") {
    const isSame = (other: Given) => isSameError(other.clientError, failure.clientError);
    return others.some(isSame) || (passedOn && isSame(passedOn)) ? "request" : "unknown";
  }
  if (passedOn?.outcome === "client_error") return "request";
  // The client left before another server had answered.
  if (passedOn) return "unknown";
  if (others.length === 0) return wasRetryDenied ? "unknown" : "server";
  return others.some(({ outcome }) => outcome !== "client_error") ? "request" : "unknown";
}
