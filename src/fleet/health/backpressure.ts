import { jittered } from "../../util/jitter.ts";

/** How a server that asks for less is left alone: it is alive, and not to blame. */
export interface Backpressure {
  /** Monotonic time in milliseconds until which others come first. */
  readonly backpressureUntil: number;
  /** Times it asked since it last answered well. */
  readonly backpressureCount: number;
}

/** The first pause of a server that names none, in milliseconds; each further one twice as long. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** What a server asks for is believed up to here. */
const LONGEST_ASKED_MS = 300_000;
/** Share by which a pause of ours varies. */
const JITTER = 0.2;

/**
 * The rest of a server that answered 429 or 503. One that rests already has said it for all that
 * was under way: its pause doesn't grow.
 *
 * @param askedMs what its `Retry-After` says, in milliseconds, `undefined` where it says nothing
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
    const until = now + Math.min(askedMs, LONGEST_ASKED_MS);
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
