/** How much of a limit is used. */
export interface Spent {
  /** What counts now. */
  used(now: number): number;
  /** Returns the time in milliseconds until this much more fits a limit, 0 if it fits now. */
  waitMs(limit: number, amount: number, now: number): number;
  /** Returns the time in milliseconds until nothing counts. */
  resetMs(now: number): number;
  /**
   * Returns the most that was used since the last call, which others are told. Missing if what is used
   * doesn't come and go within moments.
   */
  peak?(): number;
}

/** Makes, of what this router has spent, what all routers have. */
export type Over = (own: Spent) => Spent;

/** Nobody else spends. */
export function alone(own: Spent): Spent {
  return own;
}
