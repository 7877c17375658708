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

/**
 * Over any {@linkcode WINDOW_SECONDS} there are at most as many retries as {@linkcode RATIO} of the
 * requests, and {@linkcode FLOOR_PER_SECOND} beside.
 *
 * @param now in milliseconds, never running backwards
 */
export function createRetryBudget(now: () => number): RetryBudget {
  // One cell a second; a cell is cleared when its second comes round again.
  const requests = new Uint32Array(WINDOW_SECONDS);
  const retries = new Uint32Array(WINDOW_SECONDS);
  let second = Math.floor(now() / 1000);
  const cell = () => {
    const current = Math.floor(now() / 1000);
    for (second = Math.max(second, current - WINDOW_SECONDS); second < current;) {
      const next = ++second % WINDOW_SECONDS;
      requests[next] = retries[next] = 0;
    }
    return current % WINDOW_SECONDS;
  };
  const sum = (cells: Uint32Array) => cells.reduce((total, count) => total + count, 0);
  return {
    request: () => void requests[cell()]!++,
    take() {
      const at = cell();
      if (sum(retries) >= FLOOR_PER_SECOND * WINDOW_SECONDS + RATIO * sum(requests)) return false;
      retries[at]!++;
      return true;
    },
  };
}
