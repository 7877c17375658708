/** Sums of a straight line through observations, older ones counting less. */
export interface Line {
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
export const NO_LINE: Line = { n: 0, x: 0, y: 0, xx: 0, xy: 0, at: 0 };

/** The line as it counts by now, where nothing was observed meanwhile. */
export function fadedLine({ n, x, y, xx, xy, at }: Line, now: number): Line {
  const kept = Math.exp(-Math.max(0, now - at) / MEMORY_MS);
  return { n: kept * n, x: kept * x, y: kept * y, xx: kept * xx, xy: kept * xy, at };
}

/** The line with one more observation. */
export function observed(line: Line, x: number, y: number, now: number): Line {
  const before = fadedLine(line, now);
  return {
    n: before.n + 1,
    x: before.x + x,
    y: before.y + y,
    xx: before.xx + x * x,
    xy: before.xy + x * y,
    at: now,
  };
}

/** A line and others, which count so many times as much, in one. */
export function mixed(
  line: Line,
  other: Line,
  times: number,
  third: Line,
  timesThird: number,
): Line {
  return {
    n: line.n + times * other.n + timesThird * third.n,
    x: line.x + times * other.x + timesThird * third.x,
    y: line.y + times * other.y + timesThird * third.y,
    xx: line.xx + times * other.xx + timesThird * third.xx,
    xy: line.xy + times * other.xy + timesThird * third.xy,
    at: Math.max(line.at, other.at),
  };
}

/** Where a line starts and how it rises, by least squares. */
export interface Fit {
  /** `y` at `x = 0`. */
  readonly start: number;
  /** `y` for each `x`. */
  readonly rise: number;
}

/** `undefined` where the observations lie too close together to tell. */
export function fitOf({ n, x, y, xx, xy }: Line): Fit | undefined {
  const spread = n * xx - x * x;
  if (n === 0 || spread <= 1e-6 * n * xx) return undefined;
  const rise = (n * xy - x * y) / spread;
  return { start: (y - rise * x) / n, rise };
}
