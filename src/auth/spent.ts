/** How much of a limit is used. */
export interface Spent {
  /** Returns what counts now. */
  used(now: number): number;
  /** Returns the time in milliseconds until this much more fits the limit, 0 if it fits now. */
  waitMs(limit: number, amount: number, now: number): number;
  /** Returns the time in milliseconds until nothing counts. */
  resetMs(now: number): number;
  /**
   * Returns the most that was used since the last call, for peers. Missing if the used amount
   * doesn't rise and fall within moments.
   */
  peak?(): number;
}

/** Turns what this router has spent into what all routers have spent. */
export type Over = (own: Spent) => Spent;

/** For a router without peers: only its own spending counts. */
export function alone(own: Spent): Spent {
  return own;
}
