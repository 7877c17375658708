import { jittered } from "../../util/jitter.ts";

/** Back-pressure from a server that answered 429 or 503. It is alive and not blamed. */
export interface Backpressure {
  /** Monotonic time in milliseconds until which other servers are preferred. */
  readonly backpressureUntil: number;
  /** Pauses without a `Retry-After` since its last good answer. */
  readonly backpressureCount: number;
}

/** First pause without a `Retry-After`, in milliseconds. Each further one doubles. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** Upper bound for `Retry-After`. */
const LONGEST_RETRY_AFTER_MS = 300_000;
/** Jitter of a pause without a `Retry-After`, as a share. */
const JITTER = 0.2;

/**
 * Returns the back-pressure after a 429 or 503. Without a `Retry-After`, an answer during a pause
 * doesn't extend it: requests already in flight report the same overload.
 *
 * @param askedMs its `Retry-After` in milliseconds, `undefined` if it has none
 * @param now monotonic time in milliseconds
 * @param random uniform in [0, 1)
 */
export function afterBackpressure(
  before: Backpressure,
  askedMs: number | undefined,
  now: number,
  random: () => number,
): Backpressure {
  if (askedMs !== undefined) {
    const until = now + Math.min(askedMs, LONGEST_RETRY_AFTER_MS);
    return {
      backpressureUntil: Math.max(before.backpressureUntil, until),
      backpressureCount: before.backpressureCount,
    };
  }
  if (now < before.backpressureUntil) return before;
  const ms = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** before.backpressureCount);
  return {
    backpressureUntil: now + jittered(ms, JITTER, random),
    backpressureCount: before.backpressureCount + 1,
  };
}
