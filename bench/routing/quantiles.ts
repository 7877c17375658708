import type { Random } from "../../src/simulator/random.ts";

/** Shares of values at or below each entry of a {@linkcode Quantiles}. */
export const SHARES = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1] as const;

/** A distribution of positive values: one per entry of {@linkcode SHARES}, ascending. */
export type Quantiles = readonly number[];

/** Draws a value, uniform in its logarithm between two quantiles. */
export function drawFrom(quantiles: Quantiles, random: Random): number {
  const share = random();
  let upper = 1;
  while (SHARES[upper]! < share) upper++;
  const below = SHARES[upper - 1]!;
  const part = (share - below) / (SHARES[upper]! - below);
  const low = Math.log(quantiles[upper - 1]!);
  return Math.exp(low + part * (Math.log(quantiles[upper]!) - low));
}

/** Returns the quantile `share` of `sorted` by nearest rank; NaN if empty. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
