import assert from "node:assert/strict";
import fc from "fast-check";
import {
  combine,
  type DecayingRegression,
  NO_SAMPLES,
  observed,
  scaled,
  slope,
} from "../../../src/fleet/estimate/decaying_regression.ts";
import { numRuns } from "../../support/property.ts";
import { seeded } from "../../support/random.ts";

const MINUTE = 60_000;

/** A regression with this many observations of `start + rise × x`, one every 100 ms. */
function lineOf(
  { start, rise, times = 200, noise = 0, seed = 1, from = 0, line = NO_SAMPLES }: {
    start: number;
    rise: number;
    times?: number;
    noise?: number;
    seed?: number;
    from?: number;
    line?: DecayingRegression;
  },
): DecayingRegression {
  const random = seeded(seed);
  for (let i = 0; i < times; i++) {
    const x = Math.floor(random() * 8_000);
    const y = (start + rise * x) * (1 + noise * (2 * random() - 1));
    line = observed(line, x, y, from + i * 100);
  }
  return line;
}

const isNear = (value: number, aim: number, off: number) =>
  assert.ok(Math.abs(value - aim) <= off, `${value} is to be about ${aim}`);

Deno.test("no points, one point and points with equal x give no slope", () => {
  assert.equal(slope(NO_SAMPLES), undefined);
  assert.equal(slope(observed(NO_SAMPLES, 100, 1, 0)), undefined);
  assert.equal(slope(observed(observed(NO_SAMPLES, 100, 1, 0), 100, 2, 0)), undefined);
  assert.equal(slope(observed(observed(NO_SAMPLES, 0, 1, 0), 0, 2, 0)), undefined);
});

Deno.test("two points give a slope", () => {
  isNear(slope(observed(observed(NO_SAMPLES, 0, 0.04, 0), 1_000, 0.14, 0))!, 1e-4, 1e-12);
});

Deno.test("a slope is found in observations with 20% noise", () => {
  for (let seed = 0; seed < 20; seed++) {
    isNear(slope(lineOf({ start: 0.05, rise: 2e-4, noise: 0.2, seed }))!, 2e-4, 0.1 * 2e-4);
  }
});

Deno.test("any slope is recovered from exact points", () => {
  const start = fc.double({ min: 0, max: 5, noNaN: true });
  const rise = fc.double({ min: 1e-6, max: 0.02, noNaN: true });
  fc.assert(
    fc.property(start, rise, fc.integer(), (start, rise, seed) => {
      isNear(slope(lineOf({ start, rise, seed, times: 20 }))!, rise, 1e-6 * (start + rise));
    }),
    { numRuns: Math.ceil(numRuns / 4) },
  );
});

Deno.test("old observations are forgotten within minutes", () => {
  const old = lineOf({ start: 0.05, rise: 1e-4, times: 1_000 });
  const later = lineOf({
    start: 0.05,
    rise: 3e-4,
    times: 200,
    line: old,
    from: 10 * MINUTE,
  });
  isNear(slope(later)!, 3e-4, 0.05 * 3e-4);
});

Deno.test("a clock that is set back forgets nothing and breaks nothing", () => {
  const line = observed(observed(NO_SAMPLES, 0, 1, MINUTE), 10, 2, 0);
  assert.equal(line.n, 2);
});

Deno.test("scaling a regression scales its intercept and slope", () => {
  const line = lineOf({ start: 0.1, rise: 1e-4 });
  isNear(slope(scaled(line, 3))!, 3e-4, 1e-9);
  isNear(scaled(line, 3).y, 3 * line.y, 1e-9);
});

Deno.test("combined regressions count by their weights", () => {
  const one = observed(NO_SAMPLES, 10, 1, 5);
  const other = observed(NO_SAMPLES, 20, 3, 7);
  const third = observed(NO_SAMPLES, 30, 5, 0);
  assert.deepEqual(combine([[one, 1], [other, 2], [third, 0.5]]), {
    n: 3.5,
    x: 65,
    y: 9.5,
    xx: 1_350,
    xy: 205,
    at: 7,
  });
});
