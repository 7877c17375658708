import type { SharedLimits } from "../auth/shared_limits.ts";
import { type LimitUses, spentLine } from "../fleet/peers/words.ts";
import { monotonicMs } from "../util/clock.ts";

/** How often peers are told what has changed. */
const SPENT_MS = 50;
const LIMITS_PER_LINE = 1_000;

/**
 * Begins to tell what is spent of limits.
 *
 * @returns ends it
 */
export function tellSpent(limits: SharedLimits, send: (lines: string) => void): () => void {
  const telling = setInterval(() => {
    const spent = limits.changes(monotonicMs());
    if (spent.length > 0) send(spentLines(spent));
  }, SPENT_MS);
  return () => clearInterval(telling);
}

/** One line at least, which shows that the router tells what it spends. */
export function spentLines(spent: LimitUses): string {
  let lines = spentLine(spent.slice(0, LIMITS_PER_LINE));
  for (let at = LIMITS_PER_LINE; at < spent.length; at += LIMITS_PER_LINE) {
    lines += spentLine(spent.slice(at, at + LIMITS_PER_LINE));
  }
  return lines;
}
