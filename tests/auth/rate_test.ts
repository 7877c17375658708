import assert from "node:assert/strict";
import fc from "fast-check";
import { type Bucket, fullBucket, take } from "../../src/auth/rate.ts";
import { numRuns } from "../support/property.ts";

const MINUTE_MS = 60_000;

Deno.test("a minute's worth may be taken at once, and then one each time that a share has passed", () => {
  let bucket = fullBucket(6, 0);
  for (let i = 0; i < 6; i++) {
    const taken = take(bucket, 6, 0);
    assert.equal(taken.ok, true);
    assert.equal(taken.fullMs, (i + 1) * 10_000);
    bucket = taken.bucket;
  }
  const refused = take(bucket, 6, 0);
  assert.deepEqual([refused.ok, refused.waitMs, refused.bucket.left], [false, 10_000, 0]);
  assert.equal(take(refused.bucket, 6, 9_999).ok, false);
  const after = take(refused.bucket, 6, 10_000);
  assert.deepEqual([after.ok, after.waitMs], [true, 10_000]);
});

Deno.test("a time without requests fills it up, and no further", () => {
  const { bucket } = take(fullBucket(2, 0), 2, 0);
  const later = take(bucket, 2, 100 * MINUTE_MS);
  assert.equal(later.bucket.left, 1);
});

Deno.test("a clock that is put back gives nothing and takes nothing", () => {
  const { bucket } = take(fullBucket(2, MINUTE_MS), 2, MINUTE_MS);
  const back = take(bucket, 2, 0);
  assert.deepEqual([back.ok, back.bucket.left], [true, 0]);
  assert.equal(take(back.bucket, 2, MINUTE_MS / 2).ok, true, "it goes on from there");
});

Deno.test("a limit that a reload lowers holds at once", () => {
  const taken = take(fullBucket(100, 0), 2, 0);
  assert.equal(taken.bucket.left, 1);
});

const request = fc.record({
  gapMs: fc.oneof(fc.constant(0), fc.nat(500), fc.nat(3 * MINUTE_MS)),
});

Deno.test("over any time there are at most a minute's worth and the share of that time, and no fewer than that where there are enough", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_000 }),
      fc.array(request, { maxLength: 60 }),
      (perMinute, requests) => {
        let now = 1_700_000_000_000;
        let bucket: Bucket = fullBucket(perMinute, now);
        const taken: number[] = [];
        for (const { gapMs } of requests) {
          now += gapMs;
          const next = take(bucket, perMinute, now);
          ({ bucket } = next);
          assert.ok(bucket.left >= 0 && bucket.left <= perMinute);
          assert.ok(next.waitMs >= 0 && next.fullMs >= 0);
          if (next.ok) taken.push(now);
          // Whoever waits as long as it says gets one, but for what rounding eats.
          if (!next.ok) assert.ok(take(bucket, perMinute, now + next.waitMs + 0.01).ok);
        }
        for (const [first, from] of taken.entries()) {
          for (const [last, to] of taken.entries()) {
            if (last < first) continue;
            const share = perMinute * (to - from) / MINUTE_MS;
            assert.ok(last - first + 1 <= perMinute + share + 1e-6);
          }
        }
      },
    ),
    { numRuns },
  );
});
