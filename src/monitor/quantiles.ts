import type { FirstToken } from "./view_tables.ts";

/** Quantiles of recent measurements, such as times in milliseconds. */
export interface Quantiles {
  add(value: number): void;
  /**
   * Returns one quantile for each share (0 to 1), within 2%, or `null` without measurements. Values
   * below 1 count as 0, values above 3,600,000 as 3,600,000.
   */
  read(shares: readonly number[]): (number | null)[];
}

/** Returns the shown quantiles of times to first token. */
export function firstTokenOf(quantiles: Quantiles): FirstToken {
  const [p50, p95, p99] = quantiles.read([0.5, 0.95, 0.99]);
  return { p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null };
}

/** Number of steps in which a window moves. */
const SLICES = 6;
/** Ratio of a bucket's upper to its lower bound. */
const GROWTH = 1.04;
const LN_GROWTH = Math.log(GROWTH);
const MOST = 3_600_000;
/** The first bucket holds values below 1. */
const BUCKETS = bucketOf(MOST) + 1;

/**
 * Counts values in buckets, each 4% wider than the previous one, so that memory and time do not
 * depend on the number of values.
 *
 * @param windowMs how long a value counts, or up to a sixth less
 * @param now monotonic time in milliseconds
 */
export function createQuantiles(windowMs: number, now: () => number): Quantiles {
  const sliceMs = windowMs / SLICES;
  const slices = Array.from({ length: SLICES }, () => new Uint32Array(BUCKETS));
  const window = new Uint32Array(BUCKETS);
  let count = 0;
  let current = Math.floor(now() / sliceMs);

  /** Drops the slices that have left the window. A clock set back changes nothing. */
  function moveOn(): void {
    const next = Math.floor(now() / sliceMs);
    for (let left = Math.min(SLICES, next - current); left > 0; left--) {
      const oldest = slices.pop()!;
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const some = oldest[bucket]!;
        window[bucket]! -= some;
        count -= some;
      }
      slices.unshift(oldest.fill(0));
    }
    current = Math.max(current, next);
  }

  return {
    add(value) {
      if (Number.isNaN(value)) return;
      moveOn();
      const bucket = bucketOf(value);
      slices[0]![bucket]!++;
      window[bucket]!++;
      count++;
    },
    read(shares) {
      moveOn();
      return shares.map((share) => {
        if (count === 0) return null;
        // The nearest-rank method.
        let left = Math.max(1, Math.ceil(share * count));
        let bucket = 0;
        while ((left -= window[bucket]!) > 0) bucket++;
        return valueOf(bucket);
      });
    },
  };
}

function bucketOf(value: number): number {
  return value < 1 ? 0 : 1 + Math.floor(Math.log(Math.min(value, MOST)) / LN_GROWTH);
}

/** Returns the value with the same relative distance from the bucket's lower and upper bound. */
function valueOf(bucket: number): number {
  return bucket === 0 ? 0 : 2 * GROWTH ** bucket / (GROWTH + 1);
}
