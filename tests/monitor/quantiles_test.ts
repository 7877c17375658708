import assert from "node:assert/strict";
import fc from "fast-check";
import { createQuantiles } from "../../src/monitor/quantiles.ts";
import { numRuns } from "../support/property.ts";

const ERROR = 0.02;

/** Computes the exact quantile of sorted values by the nearest-rank method. */
function exact(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

function assertNear(found: number | null | undefined, value: number): void {
  assert.ok(
    typeof found === "number" && Math.abs(found - value) <= ERROR * value * (1 + 1e-9),
    `${found} is not ${value}`,
  );
}

Deno.test("without values there is no quantile", () => {
  assert.deepEqual(createQuantiles(1_000, () => 0).read([0, 0.5, 1]), [null, null, null]);
});

Deno.test("a quantile is within 2% of the nearest rank", () => {
  const quantiles = createQuantiles(1_000, () => 0);
  for (const value of [50, 20, 15, 40, 35]) quantiles.add(value);
  const found = quantiles.read([0, 0.05, 0.3, 0.4, 0.5, 1]);
  [15, 15, 20, 20, 35, 50].forEach((value, i) => assertNear(found[i], value));
});

Deno.test("values below a millisecond count as 0, values above an hour as an hour", () => {
  const quantiles = createQuantiles(1_000, () => 0);
  for (const value of [0, 0.9, -1, 1e9, Infinity]) quantiles.add(value);
  const [least, half, most] = quantiles.read([0, 0.5, 1]);
  assert.deepEqual([least, half], [0, 0]);
  assertNear(most, 3_600_000);
});

Deno.test("values are dropped after the window, at most a sixth of it early", () => {
  let now = 0;
  const quantiles = createQuantiles(6_000, () => now);
  const [early, late] = [10, 1_000];
  quantiles.add(early);
  now = 3_000;
  quantiles.add(late);
  now = 5_000;
  assertNear(quantiles.read([0])[0], early);
  now = 6_000;
  assertNear(quantiles.read([0])[0], late);
  now = 8_000;
  assertNear(quantiles.read([0])[0], late);
  now = 9_000;
  assert.deepEqual(quantiles.read([0, 1]), [null, null]);
  quantiles.add(early);
  now = 1e9;
  assert.deepEqual(quantiles.read([0, 1]), [null, null]);
});

Deno.test("a clock set back loses no value and keeps none for longer", () => {
  let now = 60_000;
  const quantiles = createQuantiles(6_000, () => now);
  quantiles.add(10);
  now = 0;
  quantiles.add(20);
  const found = quantiles.read([0, 1]);
  [10, 20].forEach((value, i) => assertNear(found[i], value));
  now = 66_000;
  assert.deepEqual(quantiles.read([1]), [null]);
});

Deno.test("NaN is not counted", () => {
  const quantiles = createQuantiles(1_000, () => 0);
  quantiles.add(NaN);
  assert.deepEqual(quantiles.read([0.5]), [null]);
});

Deno.test("all values of a busy window count", () => {
  let now = 0;
  const quantiles = createQuantiles(60_000, () => now);
  for (let i = 0; i < 50_000; i++) {
    now = i;
    quantiles.add(i < 25_000 ? 100 : 1_000);
  }
  const found = quantiles.read([0.49, 0.51]);
  [100, 1_000].forEach((value, i) => assertNear(found[i], value));
});

Deno.test("for any values, quantiles are accurate and ordered, and reading changes nothing", () => {
  const value = fc.double({ noNaN: true, min: 1, max: 3.6e6 });
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 40 }),
      fc.double({ noNaN: true, min: 0, max: 1 }),
      (values, share) => {
        const quantiles = createQuantiles(1_000, () => 0);
        for (const value of values) quantiles.add(value);
        const sorted = values.toSorted((a, b) => a - b);
        const shares = [0, share, 1];
        const found = quantiles.read(shares);
        shares.forEach((share, i) => assertNear(found[i], exact(sorted, share)));
        assert.ok(found[0]! <= found[1]! && found[1]! <= found[2]!);
        assert.deepEqual(quantiles.read(shares), found);
      },
    ),
    { numRuns },
  );
});
