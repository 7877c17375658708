import assert from "node:assert/strict";
import fc from "fast-check";
import {
  currentRates,
  type HitCalibration,
  UNCALIBRATED,
  withCounters as withCountersAt,
  withSent,
} from "../../../src/fleet/estimate/hit_calibration.ts";
import { numRuns } from "../../support/property.ts";

const PROMPT = 6_000;

/** Where the time makes no difference. */
const withCounters = (
  calibration: HitCalibration,
  queries: number | undefined,
  hits: number | undefined,
) => withCountersAt(calibration, queries, hits, 1_000);

/** Trust after so many comparisons, ten prompts each, with these shares found in the cache. */
function compare(
  calibration: HitCalibration,
  times: number,
  predicted: number,
  real: number,
): HitCalibration {
  calibration = withCounters(calibration, calibration.queries ?? 0, calibration.hits ?? 0);
  for (let i = 0; i < times; i++) {
    for (let j = 0; j < 10; j++) calibration = withSent(calibration, PROMPT, predicted * PROMPT);
    calibration = withCounters(
      calibration,
      calibration.queries! + 10 * PROMPT,
      calibration.hits! + 10 * PROMPT * real,
    );
  }
  return calibration;
}

Deno.test("where a server's cache is off, trust shrinks within some comparisons", () => {
  const shares = [1, 2, 3, 10].map((times) => compare(UNCALIBRATED, times, 0.8, 0).share);
  assert.deepEqual(shares, shares.toSorted((a, b) => b - a));
  assert.ok(shares[0]! < UNCALIBRATED.share);
  assert.ok(shares.at(-1)! < 0.05, `${shares}`);
});

Deno.test("trust recovers once predictions come true", () => {
  const lost = compare(UNCALIBRATED, 10, 0.8, 0);
  assert.ok(compare(lost, 10, 0.8, 0.8).share > 0.9);
});

Deno.test("where half of what was predicted is found, half is believed, and a little for what counts miss", () => {
  const { share, predictedRate, realRate } = compare(UNCALIBRATED, 20, 0.8, 0.4);
  assert.ok(share >= 0.5 && share < 0.6, `${share}`);
  assert.ok(Math.abs(predictedRate! - 0.8) < 1e-9 && Math.abs(realRate! - 0.4) < 1e-9);
});

Deno.test("more hits than predicted give no more than full trust", () => {
  const { share } = compare(UNCALIBRATED, 20, 0.3, 0.9);
  assert.ok(share > 0.99 && share <= 1);
});

Deno.test("where no hit was predicted there is nothing to believe or doubt", () => {
  assert.equal(compare(UNCALIBRATED, 5, 0, 0).share, UNCALIBRATED.share);
  assert.equal(compare(UNCALIBRATED, 5, 0, 0.5).share, UNCALIBRATED.share);
});

Deno.test("what others looked up counts for less, as they sent more", () => {
  const shares = [0, 1, 9].map((others) => {
    let calibration = withCounters(UNCALIBRATED, 0, 0);
    calibration = withSent(calibration, 10 * PROMPT, 8 * PROMPT);
    return withCounters(calibration, 10 * PROMPT * (1 + others), 0).share;
  });
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
  assert.equal(new Set(shares).size, 3);
  assert.ok(shares[2]! > 0.95 * UNCALIBRATED.share);
});

Deno.test("what was looked up while nothing was sent is nobody's evidence later", () => {
  let calibration = withCounters(UNCALIBRATED, 0, 0);
  calibration = withCounters(calibration, 100 * PROMPT, 0);
  calibration = withSent(calibration, 10 * PROMPT, 8 * PROMPT);
  calibration = withCounters(calibration, 110 * PROMPT, 8 * PROMPT);
  assert.ok(Math.abs(calibration.realRate! - 0.8) < 1e-9, `${calibration.realRate}`);
  assert.ok(calibration.share > UNCALIBRATED.share);
});

Deno.test("what was sent before the first look at a server's counters is compared with nothing", () => {
  let calibration = withSent(UNCALIBRATED, 100 * PROMPT, 100 * PROMPT);
  calibration = withCounters(calibration, 0, 0);
  assert.deepEqual([calibration.sent, calibration.predicted], [0, 0]);
});

Deno.test("one prompt decides nothing: it is compared once enough tokens were looked up", () => {
  let calibration = withCounters(UNCALIBRATED, 100, 50);
  calibration = withSent(calibration, PROMPT, PROMPT);
  calibration = withCounters(calibration, 100 + PROMPT, 50);
  assert.equal(calibration.share, UNCALIBRATED.share);
  assert.equal(calibration.sent, PROMPT);
  assert.equal(calibration.realRate, undefined);
});

Deno.test("a server that tells no counters changes nothing", () => {
  const calibration = withSent(UNCALIBRATED, PROMPT, PROMPT);
  assert.equal(withCounters(calibration, undefined, undefined), calibration);
  assert.equal(withCounters(calibration, 10, undefined), calibration);
});

Deno.test("rates are those of the last comparison, for ten minutes", () => {
  const NONE = { predictedHitRate: undefined, realHitRate: undefined };
  const begun = withCountersAt(UNCALIBRATED, 0, 0, 5_000);
  assert.deepEqual(currentRates(UNCALIBRATED, 0), NONE);
  assert.deepEqual(currentRates(begun, 5_000), NONE);
  let calibration = withCountersAt(withSent(begun, PROMPT, PROMPT), 10 * PROMPT, 6 * PROMPT, 7_000);
  const first = { predictedHitRate: 1, realHitRate: 0.6 };
  calibration = withSent(calibration, PROMPT, 0);
  calibration = withCountersAt(calibration, 11 * PROMPT, 6 * PROMPT, 60_000);
  assert.deepEqual(currentRates(calibration, 60_000), first);
  assert.deepEqual(currentRates(calibration, 607_000), first);
  assert.deepEqual(currentRates(calibration, 607_001), NONE);
  const { share } = calibration;
  calibration = withCountersAt(calibration, 30 * PROMPT, 16 * PROMPT, 700_000);
  assert.deepEqual(currentRates(calibration, 700_000), { predictedHitRate: 0, realHitRate: 0.5 });
  assert.equal(calibration.share, share);
});

Deno.test("a server that counts more hits than queries, or fewer than before, makes no wild rate", () => {
  for (const [hits, rate] of [[900, 1], [10, 0]] as const) {
    let calibration = withCounters(UNCALIBRATED, 0, 50);
    calibration = withSent(calibration, 100 * PROMPT, 80 * PROMPT);
    calibration = withCounters(calibration, 100 * PROMPT, hits === 10 ? hits : hits * PROMPT);
    assert.equal(calibration.realRate, rate);
    assert.ok(calibration.share >= 0 && calibration.share <= 1);
  }
});

Deno.test("trust is between none and full, whatever is predicted and counted", () => {
  const step = fc.record({
    tokens: fc.nat(20_000),
    known: fc.double({ min: 0, max: 1, noNaN: true }),
    queries: fc.nat(20_000),
    hits: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let calibration = UNCALIBRATED;
      let [queries, hits] = [0, 0];
      for (const step of steps) {
        calibration = withSent(calibration, step.tokens, step.known * step.tokens);
        queries += step.queries;
        hits += step.hits * step.queries;
        calibration = withCounters(calibration, queries, hits);
        assert.ok(calibration.share >= 0 && calibration.share <= 1, `${calibration.share}`);
      }
    }),
    { numRuns },
  );
});
