/** The engine's time; tests put a fake one in its place. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls back at `atMs` or soon after it; returns what cancels the call. */
  schedule(atMs: number, callback: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  schedule(atMs, callback) {
    const timer = setTimeout(callback, Math.max(0, atMs - performance.now()));
    return () => clearTimeout(timer);
  },
};
