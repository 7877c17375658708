import type { Random } from "../../src/simulator/random.ts";

/** Moments, in milliseconds since the start, at which requests come: each by itself, at random. */
export function* poisson(perSecond: number, random: Random): Generator<number> {
  for (let atMs = 0;;) {
    atMs -= Math.log(1 - random()) / perSecond * 1000;
    yield atMs;
  }
}

/** The moments of a trace, drawn together or apart so that so many come in a second on average. */
export function rescaled(originalMs: readonly number[], perSecond: number): number[] {
  const first = originalMs[0] ?? 0;
  const spanMs = originalMs.at(-1)! - first;
  const factor = spanMs > 0 ? originalMs.length / perSecond * 1000 / spanMs : 0;
  return originalMs.map((atMs) => (atMs - first) * factor);
}
