import type { Spent } from "./spent.ts";

/** A request in flight may end at any time. */
const WAIT_MS = 1_000;

/** A count of requests in flight. */
export interface InFlight extends Spent {
  begin(): void;
  end(): void;
}

/** Creates a count of zero. */
export function createInFlight(): InFlight {
  let count = 0;
  let most = 0;
  return {
    ...inFlightSpent(() => count),
    peak() {
      const peak = most;
      most = count;
      return peak;
    },
    begin() {
      most = Math.max(most, ++count);
    },
    end() {
      count--;
    },
  };
}

/** Returns requests in flight as used part of a limit. */
export function inFlightSpent(count: () => number): Spent {
  return {
    used: count,
    waitMs: (limit, amount) => count() + amount <= limit ? 0 : WAIT_MS,
    resetMs: () => WAIT_MS,
  };
}
