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
  trust: HitCalibration,
  queries: number | undefined,
  hits: number | undefined,
) => withCountersAt(trust, queries, hits, 1_000);

/** Trust after so many comparisons, ten prompts each, with these shares found in the cache. */
function compare(
  trust: HitCalibration,
  times: number,
  predicted: number,
  real: number,
): HitCalibration {
  trust = withCounters(trust, trust.queries ?? 0, trust.hits ?? 0);
  for (let i = 0; i < times; i++) {
    for (let j = 0; j < 10; j++) trust = withSent(trust, PROMPT, predicted * PROMPT);
    trust = withCounters(trust, trust.queries! + 10 * PROMPT, trust.hits! + 10 * PROMPT * real);
  }
  return trust;
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
    let trust = withCounters(UNCALIBRATED, 0, 0);
    trust = withSent(trust, 10 * PROMPT, 8 * PROMPT);
    return withCounters(trust, 10 * PROMPT * (1 + others), 0).share;
  });
  assert.deepEqual(shares, shares.toSorted((a, b) => a - b));
  assert.equal(new Set(shares).size, 3);
  assert.ok(shares[2]! > 0.95 * UNCALIBRATED.share);
});

Deno.test("what was looked up while nothing was sent is nobody's evidence later", () => {
  let trust = withCounters(UNCALIBRATED, 0, 0);
  trust = withCounters(trust, 100 * PROMPT, 0);
  trust = withSent(trust, 10 * PROMPT, 8 * PROMPT);
  trust = withCounters(trust, 110 * PROMPT, 8 * PROMPT);
  assert.ok(Math.abs(trust.realRate! - 0.8) < 1e-9, `${trust.realRate}`);
  assert.ok(trust.share > UNCALIBRATED.share);
});

Deno.test("what was sent before the first look at a server's counters is compared with nothing", () => {
  let trust = withSent(UNCALIBRATED, 100 * PROMPT, 100 * PROMPT);
  trust = withCounters(trust, 0, 0);
  assert.deepEqual([trust.sent, trust.predicted], [0, 0]);
});

Deno.test("one prompt decides nothing: it is compared once enough tokens were looked up", () => {
  let trust = withCounters(UNCALIBRATED, 100, 50);
  trust = withSent(trust, PROMPT, PROMPT);
  trust = withCounters(trust, 100 + PROMPT, 50);
  assert.equal(trust.share, UNCALIBRATED.share);
  assert.equal(trust.sent, PROMPT);
  assert.equal(trust.realRate, undefined);
});

Deno.test("a server that tells no counters changes nothing", () => {
  const trust = withSent(UNCALIBRATED, PROMPT, PROMPT);
  assert.equal(withCounters(trust, undefined, undefined), trust);
  assert.equal(withCounters(trust, 10, undefined), trust);
});

Deno.test("rates are those of the last comparison, for ten minutes", () => {
  const NONE = { predictedHitRate: undefined, realHitRate: undefined };
  const begun = withCountersAt(UNCALIBRATED, 0, 0, 5_000);
  assert.deepEqual(currentRates(UNCALIBRATED, 0), NONE);
  assert.deepEqual(currentRates(begun, 5_000), NONE);
  let trust = withCountersAt(withSent(begun, PROMPT, PROMPT), 10 * PROMPT, 6 * PROMPT, 7_000);
  const first = { predictedHitRate: 1, realHitRate: 0.6 };
  trust = withSent(trust, PROMPT, 0);
  trust = withCountersAt(trust, 11 * PROMPT, 6 * PROMPT, 60_000);
  assert.deepEqual(currentRates(trust, 60_000), first);
  assert.deepEqual(currentRates(trust, 607_000), first);
  assert.deepEqual(currentRates(trust, 607_001), NONE);
  const { share } = trust;
  trust = withCountersAt(trust, 30 * PROMPT, 16 * PROMPT, 700_000);
  assert.deepEqual(currentRates(trust, 700_000), { predictedHitRate: 0, realHitRate: 0.5 });
  assert.equal(trust.share, share);
});

Deno.test("a server that counts more hits than queries, or fewer than before, makes no wild rate", () => {
  for (const [hits, rate] of [[900, 1], [10, 0]] as const) {
    let trust = withCounters(UNCALIBRATED, 0, 50);
    trust = withSent(trust, 100 * PROMPT, 80 * PROMPT);
    trust = withCounters(trust, 100 * PROMPT, hits === 10 ? hits : hits * PROMPT);
    assert.equal(trust.realRate, rate);
    assert.ok(trust.share >= 0 && trust.share <= 1);
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
      let trust = UNCALIBRATED;
      let [queries, hits] = [0, 0];
      for (const step of steps) {
        trust = withSent(trust, step.tokens, step.known * step.tokens);
        queries += step.queries;
        hits += step.hits * step.queries;
        trust = withCounters(trust, queries, hits);
        assert.ok(trust.share >= 0 && trust.share <= 1, `${trust.share}`);
      }
    }),
    { numRuns },
  );
});
