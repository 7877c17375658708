import assert from "node:assert/strict";
import fc from "fast-check";
import { afterBackpressure, type Backpressure } from "../../../src/fleet/health/backpressure.ts";
import { numRuns } from "../../support/property.ts";

const AWAKE: Backpressure = { backpressureUntil: 0, backpressureCount: 0 };
const NOW = 1_000_000;
/** Random value without jitter. */
const middle = () => 0.5;

Deno.test("without a Retry-After a server pauses for a second, doubling each time", () => {
  let rest = AWAKE;
  let now = NOW;
  const pauses: number[] = [];
  for (let i = 0; i < 7; i++) {
    rest = afterBackpressure(rest, undefined, now, middle);
    pauses.push(rest.backpressureUntil - now);
    now = rest.backpressureUntil;
  }
  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});

Deno.test("simultaneous answers to requests in flight cause one pause", () => {
  const rest = afterBackpressure(AWAKE, undefined, NOW, middle);
  assert.equal(afterBackpressure(rest, undefined, NOW, middle), rest);
  assert.equal(afterBackpressure(rest, undefined, rest.backpressureUntil - 1, middle), rest);
  assert.equal(
    afterBackpressure(rest, undefined, rest.backpressureUntil, middle).backpressureCount,
    2,
  );
});

Deno.test("a Retry-After sets the exact pause, up to five minutes", () => {
  const asked = (ms: number) => afterBackpressure(AWAKE, ms, NOW, () => 0).backpressureUntil - NOW;
  assert.equal(asked(7_000), 7_000);
  assert.equal(asked(300_000), 300_000);
  assert.equal(asked(300_001), 300_000);
  assert.equal(asked(Infinity), 300_000);
});

Deno.test("a Retry-After never shortens a longer pause and doesn't make later pauses grow", () => {
  const long = afterBackpressure(AWAKE, 60_000, NOW, middle);
  assert.deepEqual(afterBackpressure(long, 1_000, NOW + 10, middle), long);
  assert.equal(long.backpressureCount, 0);
  const longer = afterBackpressure(long, 60_000, NOW + 10, middle);
  assert.equal(longer.backpressureUntil, NOW + 60_010);
});

Deno.test("pauses have 20% jitter and never end in the past", () => {
  const event = fc.record({
    askedMs: fc.option(fc.nat(1_000_000), { nil: undefined }),
    afterMs: fc.nat(40_000),
    chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(event), (events) => {
      let rest = AWAKE;
      let now = NOW;
      for (const { askedMs, afterMs, chance } of events) {
        now += afterMs;
        const before = rest;
        rest = afterBackpressure(rest, askedMs, now, () => chance);
        assert.ok(rest.backpressureUntil >= Math.max(now, before.backpressureUntil));
        assert.ok(rest.backpressureUntil <= Math.max(now + 300_000, before.backpressureUntil));
        if (rest.backpressureCount === before.backpressureCount) continue;
        const usual = Math.min(30_000, 1_000 * 2 ** before.backpressureCount);
        const ms = rest.backpressureUntil - now;
        assert.ok(ms >= 0.8 * usual - 1e-6 && ms < 1.2 * usual + 1e-6, `${ms} ms`);
      }
    }),
    { numRuns },
  );
});
