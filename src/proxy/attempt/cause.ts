import type { Cause } from "../../fleet/attempt_end.ts";
import type { Outcome } from "../../fleet/outcome.ts";
import { type ClientError, isSameError } from "../../fleet/health/outlier_detection.ts";

/** An answer, or the failure to give one, of a server that was asked. */
export interface Given {
  readonly outcome: Outcome;
  readonly clientError?: ClientError | undefined;
}

/** Statuses for the size or the form of one request, whose limits may differ between gateways. */
const OF_THIS_REQUEST: ReadonlySet<number> = new Set([413, 414, 415, 431]);

/**
 * Who caused a failure, by what other servers made of the same request (issue 13). Where it went
 * well elsewhere, the server that failed is to blame. A client error that another server gives as
 * well is the client's; a failure is the request's where another server failed as well, or calls
 * the request wrong. Where nobody else could be asked the server is to blame, and where somebody
 * could have been but for the retry budget nothing is known.
 *
 * @param others that failed at the same request
 * @param passedOn the answer that the client gets, `undefined` where that is a failure
 */
export function causeOf(
  failure: Given,
  others: readonly Given[],
  passedOn: Given | undefined,
  wasHeldBack: boolean,
): Cause {
  if (passedOn?.outcome === "ok") {
    return OF_THIS_REQUEST.has(failure.clientError?.status ?? 0) ? "unknown" : "server";
  }
  if (failure.outcome === "client_error") {
    const isSame = (other: Given) => isSameError(other.clientError, failure.clientError);
    return others.some(isSame) || (passedOn && isSame(passedOn)) ? "request" : "unknown";
  }
  if (passedOn?.outcome === "client_error") return "request";
  // A client that left before another server had answered.
  if (passedOn) return "unknown";
  if (others.length === 0) return wasHeldBack ? "unknown" : "server";
  return others.some(({ outcome }) => outcome !== "client_error") ? "request" : "unknown";
}
