import type { Spent } from "./spent.ts";

/**
 * What other routers surely know after this long, twice: what was told is on its way for less than
 * this.
 */
export const ARRIVED_MS = 150;

/** What a router has spent of a limit, and how much of it the others know. */
export interface ToldUse {
  /** The limit's number. */
  readonly hash: number;
  readonly own: Spent;
  /** What they were told last. */
  told: number;
  /** The least that they were told since `turnedAt`, and in the time before. */
  least: number;
  leastBefore: number;
  turnedAt: number;
}

/** Creates it: nothing was told. */
export function createToldUse(hash: number, own: Spent): ToldUse {
  return { hash, own, told: 0, least: 0, leastBefore: 0, turnedAt: -Infinity };
}

/** Notes that others are told what is spent. Returns whether that is something new. */
export function tell(use: ToldUse, now: number): boolean {
  const spent = use.own.peak?.() ?? use.own.used(now);
  if (spent === use.told) return false;
  turn(use, now);
  use.told = spent;
  use.least = Math.min(use.least, spent);
  return true;
}

/** Returns how much more is spent than others may believe. */
export function unknownOf(use: ToldUse, now: number): number {
  turn(use, now);
  return Math.max(0, use.own.used(now) - Math.min(use.least, use.leastBefore));
}

function turn(use: ToldUse, now: number): void {
  const passedMs = now - use.turnedAt;
  if (passedMs < ARRIVED_MS) return;
  use.leastBefore = passedMs < 2 * ARRIVED_MS ? use.least : use.told;
  use.least = use.told;
  use.turnedAt = now;
}
