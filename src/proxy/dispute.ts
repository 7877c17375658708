import type { Lease } from "../fleet/lease.ts";
import type { Attempted } from "./attempt.ts";
import { causeOf, type Given } from "./cause.ts";

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
