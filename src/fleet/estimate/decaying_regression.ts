/** Sums of a linear regression with exponentially decaying weights. */
export interface DecayingRegression {
  /** Sum of weights. */
  readonly n: number;
  /** Weighted sum of the inputs `x`. */
  readonly x: number;
  /** Weighted sum of the observed `y`. */
  readonly y: number;
  /** Weighted sum of `x²`. */
  readonly xx: number;
  /** Weighted sum of `x · y`. */
  readonly xy: number;
  /** Monotonic time in milliseconds of the last observation. */
  readonly at: number;
}

/** Time constant: after this long an observation's weight is 1/e, 37%. */
const MEMORY_MS = 60_000;

/** A regression without observations. */
export const NO_SAMPLES: DecayingRegression = { n: 0, x: 0, y: 0, xx: 0, xy: 0, at: 0 };

/** Returns the remaining weight of an observation of this age, 0 to 1. */
export function decay(agoMs: number): number {
  return Math.exp(-Math.max(0, agoMs) / MEMORY_MS);
}

/** Returns the regression with its weights decayed to now. */
export function decayed(
  { n, x, y, xx, xy, at }: DecayingRegression,
  now: number,
): DecayingRegression {
  const kept = decay(now - at);
  return { n: kept * n, x: kept * x, y: kept * y, xx: kept * xx, xy: kept * xy, at };
}

/** Adds an observation. */
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

/** Adds up several regressions, each with a weight. */
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

/** Scales all `y` by a factor. */
export function scaled(regression: DecayingRegression, times: number): DecayingRegression {
  return { ...regression, y: times * regression.y, xy: times * regression.xy };
}

/** Returns the least-squares slope; `undefined` if all `x` are too close together. */
export function slope({ n, x, y, xx, xy }: DecayingRegression): number | undefined {
  const spread = n * xx - x * x;
  if (n === 0 || spread <= 1e-6 * n * xx) return undefined;
  return (n * xy - x * y) / spread;
}
