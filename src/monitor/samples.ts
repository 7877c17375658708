/** Values of the recent past, of which quantiles are asked. */
export interface Samples {
  add(value: number): void;
  /** One for each share, 0 to 1; `null` where there is no value in the window. */
  quantiles(shares: readonly number[]): (number | null)[];
}

/**
 * Keeps values for `windowMs`, and of a busy time only the last `size`.
 *
 * @param now clock time in milliseconds
 */
export function createSamples(size: number, windowMs: number, now: () => number): Samples {
  const values = new Float64Array(size);
  const times = new Float64Array(size).fill(-Infinity);
  let next = 0;
  return {
    add(value) {
      values[next] = value;
      times[next] = now();
      next = (next + 1) % size;
    },
    quantiles(shares) {
      const since = now() - windowMs;
      const recent = values.filter((_, i) => times[i]! >= since).sort();
      // The nearest-rank method: a value that was really there.
      return shares.map((share) =>
        recent[Math.max(0, Math.ceil(share * recent.length) - 1)] ?? null
      );
    },
  };
}
