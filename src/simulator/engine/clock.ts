/** The engine's clock. Tests use a fake one. */
export interface Clock {
  /** Milliseconds since an arbitrary fixed moment. */
  now(): number;
  /** Calls back at `atMs` or soon after. Returns a function that cancels the call. */
  schedule(atMs: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  schedule(atMs, callback) {
    const timer = setTimeout(callback, Math.max(0, atMs - performance.now()));
    return () => clearTimeout(timer);
  },
};
