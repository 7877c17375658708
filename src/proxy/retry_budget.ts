/** Keeps retries a small part of all attempts, so that a dying fleet is not finished off by them. */
export interface RetryBudget {
  /** A request came in. */
  request(): void;
  /** Takes one retry out of the budget; `false` where there is none left. */
  take(): boolean;
}

/** Retries per request, and per second without any requests; finagle's and linkerd's defaults. */
const RATIO = 0.2;
const FLOOR_PER_SECOND = 10;
const WINDOW_SECONDS = 10;
/** One cell a second, and one for the second that is not over yet. */
const CELLS = WINDOW_SECONDS + 1;

/**
 * Over the {@linkcode WINDOW_SECONDS} up to any retry there are at most as many retries as
 * {@linkcode RATIO} of the requests, and {@linkcode FLOOR_PER_SECOND} beside.
 *
 * @param now in milliseconds, never running backwards
 */
export function createRetryBudget(now: () => number): RetryBudget {
  // A cell is cleared when its second comes round again. The oldest is in the window in part: its
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
