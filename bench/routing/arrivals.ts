import type { Random } from "../../src/simulator/random.ts";

/** Yields Poisson arrival times, in milliseconds since the start. */
export function* poisson(perSecond: number, random: Random): Generator<number> {
  for (let atMs = 0;;) {
    atMs -= Math.log(1 - random()) / perSecond * 1000;
    yield atMs;
  }
}

/** Rescales a trace's arrival times, in milliseconds, to an average of `perSecond`. */
export function rescaled(originalMs: readonly number[], perSecond: number): number[] {
  const first = originalMs[0] ?? 0;
  const spanMs = originalMs.at(-1)! - first;
  const factor = spanMs > 0 ? originalMs.length / perSecond * 1000 / spanMs : 0;
  return originalMs.map((atMs) => (atMs - first) * factor);
}
