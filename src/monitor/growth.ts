/** Growth of a counter over a recent window. */
export interface Growth {
  /** Records the counter's value. A falling value means a reset and starts the window anew. */
  record(counter: number | undefined): void;
  /** Returns the growth over the window, or less; `null` before there are two values. */
  total(): number | null;
  perSecond(): number | null;
}

/** @param now monotonic time in milliseconds */
export function createGrowth(windowMs: number, now: () => number): Growth {
  let points: { at: number; counter: number }[] = [];
  const total = () => points.length < 2 ? null : points.at(-1)!.counter - points[0]!.counter;
  return {
    record(counter) {
      if (counter === undefined) {
        points = [];
        return;
      }
      const at = now();
      if (points.length > 0 && counter < points.at(-1)!.counter) points = [];
      points.push({ at, counter });
      // Keep the last point before the window, so that the points span all of it.
      while (points.length > 2 && points[1]!.at <= at - windowMs) points.shift();
    },
    total,
    perSecond() {
      const grown = total();
      const ms = grown === null ? 0 : points.at(-1)!.at - points[0]!.at;
      return grown === null || ms <= 0 ? null : grown / ms * 1000;
    },
  };
}
