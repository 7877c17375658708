import type { Spent } from "./spent.ts";

/**
 * The longest time that a report takes to arrive. After twice this time, other routers certainly
 * know it.
 */
export const ARRIVED_MS = 150;

/** What a router has spent of a limit, and how much of it the others know. */
export interface ToldUse {
  /** The limit's number. */
  readonly hash: number;
  readonly own: Spent;
  /** What the others were told last. */
  told: number;
  /** The least that the others were told since `turnedAt`, and in the period before. */
  least: number;
  leastBefore: number;
  turnedAt: number;
}

/** Creates it, with nothing told. */
export function createToldUse(hash: number, own: Spent): ToldUse {
  return { hash, own, told: 0, least: 0, leastBefore: 0, turnedAt: -Infinity };
}

/** Records that the others are told what is spent. Returns whether it has changed. */
export function tell(use: ToldUse, now: number): boolean {
  const spent = use.own.peak?.() ?? use.own.used(now);
  if (spent === use.told) return false;
  turn(use, now);
  use.told = spent;
  use.least = Math.min(use.least, spent);
  return true;
}

/** Returns how much more is spent than the others may know of. */
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
