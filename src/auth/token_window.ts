import { alone, type Over, type Spent } from "./spent.ts";

/** Tokens of requests that began close together, which count until the last of them is too old. */
export interface Slice {
  /** Monotonic time in milliseconds from which they no longer count. */
  readonly endsAt: number;
  tokens: number;
}

/** Counts the tokens of requests that began within a recent window. */
export interface TokenWindow extends Spent {
  /** Adds tokens and returns their slice. */
  add(tokens: number, now: number): Slice;
  /**
   * Corrects what was added to a slice. If the slice no longer counts, tokens beyond those that were
   * added count from now on.
   *
   * @param change tokens to add, negative to give some back
   */
  correct(slice: Slice, change: number, now: number): void;
  /** Takes tokens away, the oldest first. */
  takeAway(tokens: number): void;
}

/** A window is counted in this many slices, so that its memory is bounded. */
const SLICES = 120;

/**
 * Creates an empty sliding window. Tokens count for its length, and up to one slice longer, never
 * shorter. A slice is half a second of a minute, 12 minutes of a day.
 *
 * @param over adds what other routers have spent
 */
export function createTokenWindow(windowMs: number, over: Over = alone): TokenWindow {
  const sliceMs = windowMs / SLICES;
  /** Oldest first. */
  const slices: Slice[] = [];
  let total = 0;

  function expire(now: number): void {
    while (slices[0] && slices[0].endsAt <= now) total -= slices.shift()!.tokens;
  }
  function add(tokens: number, now: number): Slice {
    expire(now);
    const endsAt = (Math.floor(now / sliceMs) + 1) * sliceMs + windowMs;
    let newest = slices.at(-1);
    if (!newest || newest.endsAt < endsAt) slices.push(newest = { endsAt, tokens: 0 });
    newest.tokens += tokens;
    total += tokens;
    return newest;
  }

  const own: Spent = {
    used(now) {
      expire(now);
      return total;
    },
    waitMs(limit, tokens, now) {
      expire(now);
      let counting = total;
      if (counting + tokens <= limit) return 0;
      for (const { tokens: gone, endsAt } of slices) {
        counting -= gone;
        if (counting + tokens <= limit) return endsAt - now;
      }
      return Infinity;
    },
    resetMs(now) {
      expire(now);
      return (slices.at(-1)?.endsAt ?? now) - now;
    },
  };
  return {
    ...over(own),
    add,
    correct(slice, change, now) {
      expire(now);
      if (slice.endsAt <= now) {
        if (change > 0) add(change, now);
        return;
      }
      slice.tokens += change;
      total += change;
    },
    takeAway(tokens) {
      for (const slice of slices) {
        const taken = Math.min(tokens, slice.tokens);
        slice.tokens -= taken;
        total -= taken;
        tokens -= taken;
      }
    },
  };
}
