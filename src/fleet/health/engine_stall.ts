import type { Scrape } from "../estimate/load.ts";

/** What a server's page shows of its engine's work. Times are monotonic, in milliseconds. */
export interface Progress {
  /** The page as it was last read. */
  readonly seen: Omit<Scrape, "at"> | undefined;
  /** When a counter was last seen to move; `-Infinity` before the first time. */
  readonly movedAt: number;
  /** Since when nothing moved although there was work; `Infinity` where that can't be said. */
  readonly stillSince: number;
  /** The longest that the engine was seen to stand still and then to move, fading with time. */
  readonly longestStepMs: number;
}

/** Nothing seen yet. */
export const NO_PROGRESS: Progress = {
  seen: undefined,
  movedAt: -Infinity,
  stillSince: Infinity,
  longestStepMs: 0,
};

/** An engine may stand still for so many times its longest step. */
const STEPS = 2;
/** Steps are believed to be at most so many times as long as `stall_timeout`. */
const MOST_TIMEOUTS = 10;
/** What is kept of the longest step with each movement. */
const KEPT = 0.999;

/**
 * Progress after a scrape. The use of the KV cache counts as movement as well as tokens: it grows
 * while a long prompt is computed. An engine without work, or whose counters can't be seen, can't
 * be said to stand still.
 *
 * @param awaited the router's own requests there that wait for a first token: an engine that hangs
 *   while idle shows none running, whatever arrives
 * @param isStalled it was found to hang, so how long it stood still is not the length of a step
 * @param now monotonic time in milliseconds
 */
export function afterScrape(
  progress: Progress,
  scrape: Omit<Scrape, "at"> | undefined,
  { awaited, isStalled }: { readonly awaited: number; readonly isStalled: boolean },
  now: number,
): Progress {
  const { seen, stillSince, longestStepMs } = progress;
  if (scrape?.counters?.generation === undefined) {
    return { ...progress, seen: scrape, stillSince: Infinity };
  }
  const hasWork = scrape.running > 0 || scrape.waiting > 0 || awaited > 0;
  const moved = seen?.counters?.generation !== undefined && differs(seen, scrape);
  if (!moved) {
    return {
      ...progress,
      seen: scrape,
      stillSince: hasWork ? Math.min(stillSince, now) : Infinity,
    };
  }
  const stepMs = stillSince === Infinity || isStalled ? 0 : now - stillSince;
  return {
    seen: scrape,
    movedAt: now,
    stillSince: hasWork ? now : Infinity,
    longestStepMs: Math.max(KEPT * longestStepMs, stepMs),
  };
}

function differs(a: Omit<Scrape, "at">, b: Omit<Scrape, "at">): boolean {
  return a.counters?.generation !== b.counters?.generation ||
    a.counters?.prompt !== b.counters?.prompt || a.kvCacheUsage !== b.kvCacheUsage;
}

/**
 * How long the engine may stand still with work to do, in milliseconds. Real engines change their
 * counters at the end of a step only, which takes seconds for long prompts.
 *
 * @param prefillMs expected for the longest prompt that waits there
 */
export function stallAfterMs(
  { longestStepMs }: Progress,
  prefillMs: number,
  stallTimeoutMs: number,
): number {
  const stepMs = Math.min(Math.max(longestStepMs, prefillMs), MOST_TIMEOUTS * stallTimeoutMs);
  return Math.max(stallTimeoutMs, STEPS * stepMs);
}

/** Whether an engine with work was seen to move since then. */
export function isMoving({ movedAt }: Progress, since: number): boolean {
  return movedAt >= since;
}
