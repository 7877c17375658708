import type { Cause, Lease } from "../fleet/lease.ts";
import { isSameError } from "../fleet/outlier.ts";
import type { Attempted } from "./attempt.ts";

/** An answer, or the failure to give one, of a server that was asked. */
export type Given = Pick<Attempted, "outcome" | "clientError">;

/** The failures of one request whose cause is known only when another server has answered it. */
export interface Disputes {
  /** Ends an attempt that may have failed by its server's fault or by its request's. */
  add(lease: Lease, attempted: Attempted): void;
  /**
   * Settles all of them. Only the first call counts.
   *
   * @param passedOn the answer that the client gets, `undefined` where that is a failure
   * @param wasHeldBack another server could have been asked, but for the retry budget
   */
  settle(passedOn: Given | undefined, wasHeldBack?: boolean): void;
}

/** Whether another server's answer can tell who caused a failure. */
export function isDisputable({ outcome, expired }: Attempted, isSuspect: boolean): boolean {
  if (expired) return expired === "silent";
  return isSuspect || outcome === "bad_status" || outcome === "reset" || outcome === "truncated";
}

export function createDisputes(): Disputes {
  const failures: { readonly lease: Lease; readonly attempted: Attempted }[] = [];
  return {
    add: (lease, attempted) => void failures.push({ lease, attempted }),
    settle(passedOn, wasHeldBack = false) {
      const all = failures.splice(0);
      for (const { lease, attempted } of all) {
        const others = all.map((other) => other.attempted).filter((other) => other !== attempted);
        lease.settle(causeOf(attempted, others, passedOn, wasHeldBack));
      }
    },
  };
}

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
  if (passedOn?.outcome === "ok") return "server";
  if (failure.outcome === "client_error") {
    const isSame = (other: Given) => isSameError(other.clientError, failure.clientError);
    return others.some(isSame) || (passedOn && isSame(passedOn)) ? "request" : "unknown";
  }
  if (passedOn?.outcome === "client_error") return "request";
  if (others.length === 0) return wasHeldBack ? "unknown" : "server";
  return others.some(({ outcome }) => outcome !== "client_error") ? "request" : "unknown";
}
