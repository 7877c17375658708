/** Draws the next number from 0 (included) to 1 (excluded). */
export type Random = () => number;

/** Creates a seeded generator (mulberry32). The same seed gives the same numbers. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws from a log-normal distribution. Half of the draws are below `median`. */
export function drawLogNormal(random: Random, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) *
    Math.cos(2 * Math.PI * random());
  return median * Math.exp(sigma * normal);
}

/** Draws a 32-digit hexadecimal id. */
export function drawId(random: Random): string {
  const part = () => Math.floor(random() * 2 ** 32).toString(16).padStart(8, "0");
  return part() + part() + part() + part();
}
