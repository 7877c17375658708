import assert from "node:assert/strict";
import fc from "fast-check";
import { createSamples } from "../../src/monitor/samples.ts";
import { numRuns } from "../support/property.ts";

Deno.test("no value, no quantile", () => {
  assert.deepEqual(createSamples(4, 1_000, () => 0).quantiles([0, 0.5, 1]), [null, null, null]);
});

Deno.test("a quantile is a value that was there, by the nearest rank", () => {
  const samples = createSamples(100, 1_000, () => 0);
  for (const value of [50, 20, 15, 40, 35]) samples.add(value);
  assert.deepEqual(samples.quantiles([0, 0.05, 0.3, 0.4, 0.5, 1]), [15, 15, 20, 20, 35, 50]);
});

Deno.test("values of 0 count", () => {
  const samples = createSamples(4, 1_000, () => 0);
  samples.add(0);
  assert.deepEqual(samples.quantiles([0.5]), [0]);
});

Deno.test("values older than the window are forgotten", () => {
  let now = 0;
  const samples = createSamples(4, 1_000, () => now);
  samples.add(1);
  now = 1_000;
  samples.add(2);
  assert.deepEqual(samples.quantiles([0, 1]), [1, 2]);
  now = 1_001;
  assert.deepEqual(samples.quantiles([0, 1]), [2, 2]);
  now = 2_001;
  assert.deepEqual(samples.quantiles([0, 1]), [null, null]);
});

Deno.test("of more values than it holds the latest are kept", () => {
  const samples = createSamples(3, 1_000, () => 0);
  for (const value of [9, 1, 2, 3]) samples.add(value);
  assert.deepEqual(samples.quantiles([0, 1]), [1, 3]);
});

Deno.test("asking changes nothing, and quantiles are in order", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ noNaN: true, min: 0, max: 1e6 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      (values, size) => {
        const samples = createSamples(size, 1_000, () => 0);
        for (const value of values) samples.add(value);
        const kept = values.slice(-size).sort((a, b) => a - b);
        const [least, half, most] = samples.quantiles([0, 0.5, 1]);
        assert.deepEqual([least, most], [kept[0], kept.at(-1)]);
        assert.equal(half, kept[Math.ceil(kept.length / 2) - 1]);
        assert.deepEqual(samples.quantiles([0, 0.5, 1]), [least, half, most]);
      },
    ),
    { numRuns },
  );
});
