/** Sums of a straight line through observations, older ones counting less. */
export interface DecayingRegression {
  /** Of observations. */
  readonly n: number;
  /** Of what was given. */
  readonly x: number;
  /** Of what was seen. */
  readonly y: number;
  /** Of the squares of what was given. */
  readonly xx: number;
  /** Of the products of both. */
  readonly xy: number;
  /** Clock time in milliseconds of the last observation. */
  readonly at: number;
}

/** After so long an observation counts for 37%: what hardware was is forgotten within minutes. */
const MEMORY_MS = 60_000;

/** Nothing observed yet. */
export const NO_SAMPLES: DecayingRegression = { n: 0, x: 0, y: 0, xx: 0, xy: 0, at: 0 };

/** What is left by now of what was known so many milliseconds ago, 0 to 1. */
export function decay(agoMs: number): number {
  return Math.exp(-Math.max(0, agoMs) / MEMORY_MS);
}

/** The line as it counts by now, where nothing was observed meanwhile. */
export function decayed(
  { n, x, y, xx, xy, at }: DecayingRegression,
  now: number,
): DecayingRegression {
  const kept = decay(now - at);
  return { n: kept * n, x: kept * x, y: kept * y, xx: kept * xx, xy: kept * xy, at };
}

/** The line with one more observation. */
export function observed(
  regression: DecayingRegression,
  x: number,
  y: number,
  now: number,
): DecayingRegression {
  const before = decayed(regression, now);
  return {
    n: before.n + 1,
    x: before.x + x,
    y: before.y + y,
    xx: before.xx + x * x,
    xy: before.xy + x * y,
    at: now,
  };
}

/** Several lines in one, each counting so many times. */
export function combine(
  regressions: readonly (readonly [regression: DecayingRegression, times: number])[],
): DecayingRegression {
  const sum = { ...NO_SAMPLES };
  for (const [regression, times] of regressions) {
    sum.n += times * regression.n;
    sum.x += times * regression.x;
    sum.y += times * regression.y;
    sum.xx += times * regression.xx;
    sum.xy += times * regression.xy;
    sum.at = Math.max(sum.at, regression.at);
  }
  return sum;
}

/** The line with all of `y` so many times as large. */
export function scaled(regression: DecayingRegression, times: number): DecayingRegression {
  return { ...regression, y: times * regression.y, xy: times * regression.xy };
}

/** `y` for each `x` by least squares; `undefined` where all `x` lie too close together to tell. */
export function slope({ n, x, y, xx, xy }: DecayingRegression): number | undefined {
  const spread = n * xx - x * x;
  if (n === 0 || spread <= 1e-6 * n * xx) return undefined;
  return (n * xy - x * y) / spread;
}
