import type { Cause, Lease } from "../fleet/lease.ts";
import type { Outcome } from "../fleet/outcome.ts";
import type { Attempted } from "./attempt.ts";

/** The failures of one request whose cause is known only when another server has answered it. */
export interface Disputes {
  /** Ends an attempt that may have failed by its server's fault or by its request's. */
  add(lease: Lease, attempted: Attempted): void;
  /** Settles all of them, by how the request ended. Only the first call counts. */
  settle(last: Outcome | undefined, wasHeldBack?: boolean): void;
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
    settle(last, wasHeldBack = false) {
      const all = failures.map(({ attempted }) => attempted.outcome);
      const cause = causeOf(all, last, wasHeldBack);
      for (const { lease } of failures.splice(0)) lease.settle(cause);
    },
  };
}

/**
 * Who caused failures, by what another server made of the same request (issue 13). Where it went
 * well there, the servers that failed are to blame. Where two servers failed, or one says that the
 * client is in error, it was the request. Where nobody else could be asked the server is to blame,
 * and where somebody could have been but for the retry budget nothing is known.
 *
 * @param failures of servers that were asked, in turn
 * @param last how the last attempt ended, `undefined` where nothing else was asked
 */
export function causeOf(
  failures: readonly Outcome[],
  last: Outcome | undefined,
  wasHeldBack: boolean,
): Cause {
  if (last === "ok") return "server";
  if (last === "client_error" || failures.length > 1) return "request";
  return wasHeldBack || failures[0] === "client_error" ? "unknown" : "server";
}
