import assert from "node:assert/strict";
import fc from "fast-check";
import { createRateLimit } from "../../src/auth/rate_limit.ts";
import { numRuns } from "../support/property.ts";

const MINUTE_MS = 60_000;

Deno.test("a minute's worth of requests may begin at once, and no more until the first is a minute old", () => {
  const { take } = createRateLimit();
  for (let i = 0; i < 6; i++) {
    const { ok, left } = take(6, i * 100);
    assert.deepEqual([ok, left], [true, 5 - i]);
  }
  assert.deepEqual(take(6, 1_000), { ok: false, left: 0, waitMs: 59_000, resetMs: 59_500 });
  assert.equal(take(6, MINUTE_MS - 1).ok, false);
  assert.deepEqual(take(6, MINUTE_MS), { ok: true, left: 0, waitMs: 100, resetMs: MINUTE_MS });
  assert.equal(take(6, MINUTE_MS + 99).ok, false);
  assert.equal(take(6, MINUTE_MS + 100).ok, true);
});

Deno.test("rejected requests do not count", () => {
  const { take } = createRateLimit();
  take(1, 0);
  for (let now = 0; now < MINUTE_MS; now += 1_000) assert.equal(take(1, now).ok, false);
  assert.equal(take(1, MINUTE_MS).ok, true);
});

Deno.test("a changed limit takes effect at once, for earlier requests as well", () => {
  const { take } = createRateLimit();
  for (let i = 0; i < 10; i++) take(10, i * 1_000);
  assert.deepEqual(take(2, 10_000), { ok: false, left: 0, waitMs: 58_000, resetMs: 59_000 });
  assert.equal(take(11, 10_000).ok, true);
  assert.equal(take(11, 10_000).ok, false);
});

const request = fc.oneof(fc.constant(0), fc.nat(90), fc.nat(5_000), fc.nat(2 * MINUTE_MS));

for (const most of [20, 5_000]) {
  Deno.test(`no 60 s exceed the limit, and a client that waits as told is admitted: up to ${most} a minute`, () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Math.ceil(most / 4), max: most }),
        fc.array(fc.tuple(request, fc.integer({ min: 1, max: most })), { maxLength: 60 }),
        (perMinute, bursts) => {
          const { take } = createRateLimit();
          const begun: { at: number; count: number }[] = [];
          let now = 1_000;
          for (const [gapMs, wanted] of bursts) {
            now += gapMs;
            const at = now;
            let count = 0;
            for (let i = 0; i < wanted; i++) {
              const taken = take(perMinute, now);
              assert.ok(taken.left >= 0 && taken.waitMs >= 0 && taken.resetMs >= 0);
              assert.equal(taken.waitMs > 0, taken.left === 0);
              if (taken.ok) {
                count++;
                continue;
              }
              now += taken.waitMs;
              assert.equal(take(perMinute, now - 0.5).ok, false, "a moment before it is too early");
              assert.equal(take(perMinute, now).ok, true, "who waits as told gets in");
              begun.push({ at: now, count: 1 });
              break;
            }
            begun.push({ at, count });
          }
          for (const { at: from } of begun) {
            const within = begun.filter(({ at }) => at >= from && at < from + MINUTE_MS);
            assert.ok(within.reduce((sum, { count }) => sum + count, 0) <= perMinute);
          }
          now += MINUTE_MS;
          assert.equal(
            take(perMinute, now).left,
            perMinute - 1,
            "after a quiet minute all are left",
          );
        },
      ),
      { numRuns },
    );
  });
}

Deno.test("steady requests at the rate of the limit are all admitted, within 60 ms above 1,000 a minute", () => {
  for (const perMinute of [6, 60, 1_000, 6_000, 60_000]) {
    const { take } = createRateLimit();
    let begun = 0;
    for (let i = 0; i < 3 * perMinute; i++) {
      if (take(perMinute, i * MINUTE_MS / perMinute + 1e-6 * i).ok) begun++;
    }
    assert.ok(begun >= 3 * perMinute * 0.998, `${begun} of ${3 * perMinute}`);
  }
});
