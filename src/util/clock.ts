/**
 * Milliseconds on a monotonic clock, for durations. It starts at the wall-clock time at which the
 * process started and never steps, whatever happens to the wall clock (issue 13).
 */
export function monotonicMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Converts a time of {@linkcode monotonicMs} to wall-clock time, in milliseconds since 1970. */
export function wallTimeMs(monotonic: number): number {
  return monotonic + Date.now() - monotonicMs();
}

/** The random source: uniform in [0, 1). */
export const uniform: () => number = Math.random;
