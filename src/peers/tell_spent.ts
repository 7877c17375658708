import type { Uses } from "../auth/peer_use.ts";
import type { SharedLimits } from "../auth/shared_limits.ts";
import { spentLine } from "./words.ts";
import { monotonicMs } from "../util/clock.ts";

/** Interval at which peers are told what has changed. */
const SPENT_MS = 50;
const LIMITS_PER_LINE = 1_000;

/**
 * Begins to tell peers what is spent of limits.
 *
 * @returns a function that ends it
 */
export function tellSpent(limits: SharedLimits, send: (lines: string) => void): () => void {
  const telling = setInterval(() => {
    const spent = limits.changes(monotonicMs());
    if (spent.length > 0) send(spentLines(spent));
  }, SPENT_MS);
  return () => clearInterval(telling);
}

/** At least one line, which shows that the router reports what it spends. */
export function spentLines(spent: Uses): string {
  let lines = spentLine(spent.slice(0, LIMITS_PER_LINE));
  for (let at = LIMITS_PER_LINE; at < spent.length; at += LIMITS_PER_LINE) {
    lines += spentLine(spent.slice(at, at + LIMITS_PER_LINE));
  }
  return lines;
}
