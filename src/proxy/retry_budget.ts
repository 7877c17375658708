/** Limits retries to a small share of all attempts, so that they can't overload a failing fleet. */
export interface RetryBudget {
  /** Counts a request. */
  request(): void;
  /** Takes one retry out of the budget; `false` if it is spent. */
  take(): boolean;
}

/** Retries per request, and per second regardless of requests; the defaults of finagle, linkerd. */
const RATIO = 0.2;
const FLOOR_PER_SECOND = 10;
const WINDOW_SECONDS = 10;
/** One cell a second, plus one for the current second. */
const CELLS = WINDOW_SECONDS + 1;

/**
 * In any {@linkcode WINDOW_SECONDS} that end with a retry, there are at most {@linkcode RATIO}
 * retries per request plus {@linkcode FLOOR_PER_SECOND} per second.
 *
 * @param now monotonic time in milliseconds
 */
export function createRetryBudget(now: () => number): RetryBudget {
  // A cell is cleared when its turn comes again. The oldest cell is only partly in the window: its
  // retries count, its requests don't.
  const requests = new Uint32Array(CELLS);
  const retries = new Uint32Array(CELLS);
  let second = Math.floor(now() / 1000);
  const cell = () => {
    const current = Math.floor(now() / 1000);
    for (second = Math.max(second, current - CELLS); second < current;) {
      const next = ++second % CELLS;
      requests[next] = retries[next] = 0;
    }
    return current % CELLS;
  };
  const sum = (cells: Uint32Array) => cells.reduce((total, count) => total + count, 0);
  return {
    request: () => void requests[cell()]!++,
    take() {
      const at = cell();
      const recent = sum(requests) - requests[(at + 1) % CELLS]!;
      if (sum(retries) >= FLOOR_PER_SECOND * WINDOW_SECONDS + RATIO * recent) return false;
      retries[at]!++;
      return true;
    },
  };
}
