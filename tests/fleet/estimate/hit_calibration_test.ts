import assert from "node:assert/strict";
import fc from "fast-check";
import {
  currentRates,
  type HitCalibration,
  UNCALIBRATED,
  withCounters as withCountersAt,
  withSent,
  withTold,
} from "../../../src/fleet/estimate/hit_calibration.ts";
import { numRuns } from "../../support/property.ts";

const PROMPT = 6_000;

/** Where the time makes no difference. */
const withCounters = (
  calibration: HitCalibration,
  queries: number | undefined,
  hits: number | undefined,
) => withCountersAt(calibration, queries, hits, 1_000);

/** The share after this many comparisons of ten prompts each, with these hit rates. */
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

Deno.test("if a server's prefix cache is off, the share shrinks within a few comparisons", () => {
  const shares = [1, 2, 3, 10].map((times) => compare(UNCALIBRATED, times, 0.8, 0).share);
  assert.deepEqual(shares, shares.toSorted((a, b) => b - a));
  assert.ok(shares[0]! < UNCALIBRATED.share);
  assert.ok(shares.at(-1)! < 0.05, `${shares}`);
});

Deno.test("the share recovers once predictions come true", () => {
  const lost = compare(UNCALIBRATED, 10, 0.8, 0);
  assert.ok(compare(lost, 10, 0.8, 0.8).share > 0.9);
});

Deno.test("if half of the predicted hits come true, the share becomes about half", () => {
  const { share, predictedRate, realRate } = compare(UNCALIBRATED, 20, 0.8, 0.4);
  assert.ok(share >= 0.5 && share < 0.6, `${share}`);
  assert.ok(Math.abs(predictedRate! - 0.8) < 1e-9 && Math.abs(realRate! - 0.4) < 1e-9);
});

Deno.test("more hits than predicted give a share of at most 1", () => {
  const { share } = compare(UNCALIBRATED, 20, 0.3, 0.9);
  assert.ok(share > 0.99 && share <= 1);
});

Deno.test("without predicted hits the share doesn't change", () => {
  assert.equal(compare(UNCALIBRATED, 5, 0, 0).share, UNCALIBRATED.share);
  assert.equal(compare(UNCALIBRATED, 5, 0, 0.5).share, UNCALIBRATED.share);
});

Deno.test("a comparison weighs less the more other clients sent", () => {
  const shares = [0, 1, 9].map((others) => {
    let calibration = withCounters(UNCALIBRATED, 0, 0);
    calibration = withSent(calibration, 10 * PROMPT, 8 * PROMPT);
    return withCounters(calibration, 10 * PROMPT * (1 + others), 0).share;
  });
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
  assert.equal(new Set(shares).size, 3);
  assert.ok(shares[2]! > 0.95 * UNCALIBRATED.share);
});

Deno.test("lookups while nothing was sent don't count later", () => {
  let calibration = withCounters(UNCALIBRATED, 0, 0);
  calibration = withCounters(calibration, 100 * PROMPT, 0);
  calibration = withSent(calibration, 10 * PROMPT, 8 * PROMPT);
  calibration = withCounters(calibration, 110 * PROMPT, 8 * PROMPT);
  assert.ok(Math.abs(calibration.realRate! - 0.8) < 1e-9, `${calibration.realRate}`);
  assert.ok(calibration.share > UNCALIBRATED.share);
});

Deno.test("prompts sent before the first scrape are not compared", () => {
  let calibration = withSent(UNCALIBRATED, 100 * PROMPT, 100 * PROMPT);
  calibration = withCounters(calibration, 0, 0);
  assert.deepEqual([calibration.sent, calibration.predicted], [0, 0]);
});

Deno.test("rates are compared only once enough tokens were looked up", () => {
  let calibration = withCounters(UNCALIBRATED, 100, 50);
  calibration = withSent(calibration, PROMPT, PROMPT);
  calibration = withCounters(calibration, 100 + PROMPT, 50);
  assert.equal(calibration.share, UNCALIBRATED.share);
  assert.equal(calibration.sent, PROMPT);
  assert.equal(calibration.realRate, undefined);
});

Deno.test("what answers tell of their prompts is compared once it is enough, instead of counters", () => {
  const tell = (calibration: HitCalibration, times: number, predicted: number, cached: number) => {
    for (let i = 0; i < times; i++) {
      const sent = withSent(calibration, PROMPT, predicted * PROMPT);
      const one = { prompt: PROMPT, predicted: predicted * PROMPT, cached: cached * PROMPT };
      calibration = withTold(sent, one, 1_000);
    }
    return calibration;
  };
  const few = tell(UNCALIBRATED, 8, 0.8, 0.4);
  assert.equal(few.share, UNCALIBRATED.share);
  const told = tell(few, 1, 0.8, 0.4);
  assert.ok(told.share < UNCALIBRATED.share);
  assert.deepEqual([told.predictedRate, told.realRate].map((rate) => rate!.toFixed(3)), [
    "0.800",
    "0.400",
  ]);
  // Other clients' prompts are in the counters as well.
  const begun = withCounters(tell(told, 2, 0.8, 0.4), 0, 0);
  assert.equal(withCounters(tell(begun, 5, 0.8, 0.4), 100 * PROMPT, 0).share, told.share);
});

Deno.test("once answers tell nothing any more, the counters are compared again", () => {
  const one = { prompt: PROMPT, predicted: 0.8 * PROMPT, cached: 0.8 * PROMPT };
  let calibration = withCounters(UNCALIBRATED, 0, 0);
  for (let i = 0; i < 8; i++) {
    calibration = withTold(withSent(calibration, PROMPT, 0.8 * PROMPT), one, 1_000);
  }
  calibration = withCounters(calibration, 8 * PROMPT, 0.8 * 8 * PROMPT);
  // A scrape follows every prompt: none of them alone outweighs what was told.
  for (let sent = 9; sent <= 20; sent++) {
    calibration = withSent(calibration, PROMPT, 0.8 * PROMPT);
    calibration = withCounters(calibration, sent * PROMPT, 0.8 * 8 * PROMPT);
  }
  assert.ok(calibration.share < UNCALIBRATED.share, `${calibration.share}`);
});

Deno.test("answers that tell more than is possible give a share within bounds", () => {
  const told = withTold(UNCALIBRATED, { prompt: 60_000, predicted: 1e9, cached: 1e9 }, 1_000);
  assert.deepEqual([told.predictedRate, told.realRate], [1, 1]);
  assert.ok(told.share <= 1);
});

Deno.test("a server without counters changes nothing", () => {
  const calibration = withSent(UNCALIBRATED, PROMPT, PROMPT);
  assert.equal(withCounters(calibration, undefined, undefined), calibration);
  assert.equal(withCounters(calibration, 10, undefined), calibration);
});

Deno.test("rates of the last comparison are shown for ten minutes", () => {
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

Deno.test("implausible hit counters give rates within bounds", () => {
  for (const [hits, rate] of [[900, 1], [10, 0]] as const) {
    let calibration = withCounters(UNCALIBRATED, 0, 50);
    calibration = withSent(calibration, 100 * PROMPT, 80 * PROMPT);
    calibration = withCounters(calibration, 100 * PROMPT, hits === 10 ? hits : hits * PROMPT);
    assert.equal(calibration.realRate, rate);
    assert.ok(calibration.share >= 0 && calibration.share <= 1);
  }
});

Deno.test("the share stays between 0 and 1, whatever is predicted and counted", () => {
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
