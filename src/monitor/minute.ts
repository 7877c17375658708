/** A sum over the last minute. */
export interface Minute {
  add(amount: number): void;
  /** Returns the sum, of the last minute or up to a twelfth less. */
  total(): number;
  /** Returns the sum per second of the time that it covers. */
  perSecond(): number;
}

const SLICES = 12;
const SLICE_MS = 60_000 / SLICES;

/** @param now monotonic time in milliseconds */
export function createMinute(now: () => number): Minute {
  const sums: number[] = Array(SLICES).fill(0);
  let last = Math.floor(now() / SLICE_MS);

  /** Forgets the slices that have left the window, and returns the current one's place. */
  function current(): number {
    const slice = Math.floor(now() / SLICE_MS);
    for (let i = Math.max(last, slice - SLICES) + 1; i <= slice; i++) sums[i % SLICES] = 0;
    last = Math.max(last, slice);
    return last % SLICES;
  }

  function total(): number {
    current();
    return sums.reduce((sum, amount) => sum + amount, 0);
  }

  return {
    add: (amount) => void (sums[current()]! += amount),
    total,
    perSecond: () => total() * 1_000 / ((SLICES - 1) * SLICE_MS + now() % SLICE_MS),
  };
}
