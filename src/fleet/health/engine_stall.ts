import type { Scrape } from "../estimate/load.ts";

/** An engine's progress as its `/metrics` shows it. Times are monotonic, in milliseconds. */
export interface Progress {
  /** The last scrape. */
  readonly seen: Omit<Scrape, "at"> | undefined;
  /** When a counter last moved; `-Infinity` if never. */
  readonly movedAt: number;
  /** Since when nothing has moved although there was work; `Infinity` if that is unknown. */
  readonly noProgressSince: number;
  /** The longest pause after which the engine moved again, decaying with each movement. */
  readonly longestStepMs: number;
}

/** Nothing seen yet. */
export const NO_PROGRESS: Progress = {
  seen: undefined,
  movedAt: -Infinity,
  noProgressSince: Infinity,
  longestStepMs: 0,
};

/** An engine may pause for this many times its longest step. */
const STEPS = 2;
/** Upper bound for a step, in multiples of `stall_timeout`. */
const MOST_TIMEOUTS = 10;
/** Factor by which the longest step decays with each movement. */
const KEPT = 0.999;

/**
 * Returns the progress after a scrape. KV cache usage counts as movement too: it grows while a
 * long prompt is computed. An engine without work, or whose counters are missing, is never
 * considered stalled; nor is one whose counters move only when a request ends.
 *
 * @param awaitingFirstToken the router's own requests that wait for a first token. An engine that
 *   hangs while idle reports none running, whatever arrives
 * @param isStalled it was already stalled, so the pause is not the length of a step
 * @param now monotonic time in milliseconds
 */
export function afterScrape(
  progress: Progress,
  scrape: Omit<Scrape, "at"> | undefined,
  { awaitingFirstToken, isStalled }: {
    readonly awaitingFirstToken: number;
    readonly isStalled: boolean;
  },
  now: number,
): Progress {
  const { seen, noProgressSince, longestStepMs } = progress;
  if (scrape?.counters?.generation === undefined) {
    return { ...progress, seen: scrape, noProgressSince: Infinity };
  }
  const hasWork = (scrape.running ?? 0) > 0 || (scrape.waiting ?? 0) > 0 || awaitingFirstToken > 0;
  const moved = seen?.counters?.generation !== undefined && differs(seen, scrape);
  const mayStall = hasWork && !scrape.counters.atEnd;
  if (!moved) {
    return {
      ...progress,
      seen: scrape,
      noProgressSince: mayStall ? Math.min(noProgressSince, now) : Infinity,
    };
  }
  const stepMs = noProgressSince === Infinity || isStalled ? 0 : now - noProgressSince;
  return {
    seen: scrape,
    movedAt: now,
    noProgressSince: mayStall ? now : Infinity,
    longestStepMs: Math.max(KEPT * longestStepMs, stepMs),
  };
}

function differs(a: Omit<Scrape, "at">, b: Omit<Scrape, "at">): boolean {
  return a.counters?.generation !== b.counters?.generation ||
    a.counters?.prompt !== b.counters?.prompt || a.kvCacheUsage !== b.kvCacheUsage;
}

/**
 * Returns how long an engine with work may make no progress, in milliseconds. Real engines update
 * their counters only at the end of a step, which takes seconds for long prompts.
 *
 * @param prefillMs expected time to first token of the longest waiting prompt
 */
export function stallAfterMs(
  { longestStepMs }: Progress,
  prefillMs: number,
  stallTimeoutMs: number,
): number {
  const stepMs = Math.min(Math.max(longestStepMs, prefillMs), MOST_TIMEOUTS * stallTimeoutMs);
  return Math.max(stallTimeoutMs, STEPS * stepMs);
}

/** Whether the engine has moved since then. */
export function isMoving({ movedAt }: Progress, since: number): boolean {
  return movedAt >= since;
}
