import assert from "node:assert/strict";
import fc from "fast-check";
import {
  afterRequest,
  isLastResort,
  slowStartLimit,
  type Trial,
} from "../../../src/fleet/health/circuit_breaker.ts";
import { afterCheck, type Health, UNCHECKED } from "../../../src/fleet/health/active_check.ts";
import { configOf } from "../../support/config.ts";
import { numRuns } from "../../support/property.ts";

function settingsWith(settings: Record<string, unknown> = {}) {
  return configOf([{ url: "http://gpu" }], settings).settings;
}

const defaults = settingsWith();
const PASSED = { ok: true, responseMs: 5 };
const NOW = 1_000_000;
/** Random value without jitter. */
const middle = () => 0.5;
const HEALTHY = afterCheck(UNCHECKED, PASSED, defaults, NOW);

function failed(health: Health, times: number, now = NOW, settings = defaults): Health {
  for (let i = 0; i < times; i++) {
    health = afterRequest(health, false, settings, { isTrial: false, now, random: middle });
  }
  return health;
}

function tried(health: Health, ok: boolean, now: number): Health {
  return afterRequest(health, ok, defaults, { isTrial: true, now, random: middle });
}

/** A check as soon as the open time has passed. */
function halfOpened(health: Health): Health {
  const halfOpen = afterCheck(health, PASSED, defaults, health.openUntil);
  assert.equal(halfOpen.status, "half-open");
  return halfOpen;
}

Deno.test("only the second consecutive failed request ejects a server", () => {
  assert.equal(failed(HEALTHY, 1).status, "healthy");
  const out = failed(HEALTHY, 2);
  assert.equal(out.status, "unhealthy");
  assert.equal(out.reason, "2 requests failed in a row");
});

Deno.test("the failure threshold is configurable", () => {
  const settings = settingsWith({ failure_threshold: 4 });
  assert.equal(failed(HEALTHY, 3, NOW, settings).status, "healthy");
  assert.equal(failed(HEALTHY, 4, NOW, settings).status, "unhealthy");
});

Deno.test("an answered request resets the consecutive failures", () => {
  const answered = tried(failed(HEALTHY, 1), true, NOW);
  assert.equal(answered.consecutiveRequestFailures, 0);
  assert.equal(failed(answered, 1).status, "healthy");
});

Deno.test("a check that passes does not excuse failed requests of a healthy server", () => {
  const health = afterCheck(failed(HEALTHY, 1), PASSED, defaults, NOW);
  assert.equal(failed(health, 1).status, "unhealthy");
});

Deno.test("a good answer keeps the same health object", () => {
  assert.equal(tried(HEALTHY, true, NOW), HEALTHY);
});

Deno.test("failures of requests in flight don't extend the open time", () => {
  const out = failed(HEALTHY, 2);
  const after = failed(out, 20, NOW + 1_000);
  assert.equal(after.openUntil, out.openUntil);
  assert.equal(after.opened, 1);
  assert.equal(after.consecutiveRequestFailures, 22);
  assert.equal(after.reason, out.reason);
});

Deno.test("a late good answer doesn't recover an ejected server", () => {
  const out = failed(HEALTHY, 2);
  const late = { isTrial: false, now: out.openUntil + 1, random: middle };
  const after = afterRequest(out, true, defaults, late);
  assert.equal(after.status, "unhealthy");
  assert.equal(after.openUntil, out.openUntil);
});

Deno.test("a last-resort trial recovers the server on success and doesn't extend the open time on failure", () => {
  const out = failed(HEALTHY, 2);
  const trial = { isTrial: true, now: NOW + 1_000, random: middle };
  assert.equal(afterRequest(out, true, defaults, trial).status, "healthy");
  assert.equal(afterRequest(out, false, defaults, trial).openUntil, out.openUntil);
});

Deno.test("a server ejected by requests is a last resort after a second if it passes its checks", () => {
  const out = failed(HEALTHY, 2);
  assert.equal(isLastResort(out, NOW + 999), false);
  assert.equal(isLastResort(out, NOW + 1_000), true);
  assert.equal(isLastResort({ ...out, consecutiveCheckFailures: 1 }, NOW + 1_000), false);
  assert.equal(isLastResort(HEALTHY, NOW + 1_000), false);
  assert.equal(isLastResort({ ...HEALTHY, status: "unhealthy" }, NOW + 1_000), false);
});

Deno.test("a trial recovers a server only if no check has failed since", () => {
  const failedCheck = { ok: false, responseMs: 5 };
  const settings = settingsWith({ health_check_consecutive_failures: 1 });
  const out = failed(HEALTHY, 2);
  for (const before of [out, halfOpened(out)]) {
    const now = out.openUntil + 1;
    const failing = afterCheck(before, failedCheck, settings, now);
    assert.equal(tried(failing, true, now).status, "unhealthy", before.status);
  }
});

Deno.test("only the trial request decides about a half-open server", () => {
  const halfOpen = halfOpened(failed(HEALTHY, 2));
  for (const ok of [true, false]) {
    const other = { isTrial: false, now: NOW, random: middle };
    assert.equal(afterRequest(halfOpen, ok, defaults, other).status, "half-open");
  }
  assert.equal(tried(halfOpen, true, NOW).status, "healthy");
  const out = tried(halfOpen, false, NOW);
  assert.equal(out.status, "unhealthy");
  assert.equal(out.reason, "the request that tried it failed");
});

Deno.test("a recovered server has a clean record, except for how often it was ejected", () => {
  const out = failed(HEALTHY, 2);
  const back = tried(halfOpened(out), true, NOW + 9_000);
  assert.deepEqual(back, {
    ...HEALTHY,
    window: back.window,
    totalChecks: 2,
    recoveredAt: NOW + 9_000,
    opened: 1,
    openedAt: out.openedAt,
    reason: "a request succeeded",
  });
});

Deno.test("each failed trial doubles the open time, up to a minute", () => {
  let health = failed(HEALTHY, 2);
  const times = [health.openUntil - NOW];
  for (let i = 0; i < 7; i++) {
    const now = health.openUntil;
    health = tried(halfOpened(health), false, now);
    times.push(health.openUntil - now);
  }
  assert.deepEqual(
    times,
    [2_000, 4_000, 8_000, 16_000, 32_000, 50_000, 50_000, 50_000],
  );
});

Deno.test("a server that fails soon after recovery keeps its open time; after ten calm seconds it is reset", () => {
  const out = tried(halfOpened(failed(HEALTHY, 2)), false, NOW + 3_000);
  assert.equal(out.opened, 2);
  const recoveredAt = out.openUntil;
  const back = tried(halfOpened(out), true, recoveredAt);
  const soon = failed(back, 2, recoveredAt + 10_000);
  assert.equal(soon.openUntil - (recoveredAt + 10_000), 4_000);
  assert.equal(soon.opened, 2);
  const late = failed(back, 2, recoveredAt + 10_001);
  assert.equal(late.openUntil - (recoveredAt + 10_001), 2_000);
  assert.equal(late.opened, 1);
});

Deno.test("the open time has 20% jitter, so that servers don't recover in lockstep", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.nat(100),
      (chance, opened) => {
        const trial = { isTrial: true, now: NOW, random: () => chance };
        const halfOpen: Health = { ...HEALTHY, status: "half-open", openUntil: 1, opened };
        const ms = afterRequest(halfOpen, false, defaults, trial).openUntil - NOW;
        const usual = Math.min(50_000, 2_000 * 2 ** opened);
        assert.ok(ms >= 0.8 * usual - 1e-6 && ms < 1.2 * usual + 1e-6, `${ms} ms`);
      },
    ),
    { numRuns },
  );
  const at = (chance: number) =>
    afterRequest({ ...HEALTHY, consecutiveRequestFailures: 1 }, false, defaults, {
      isTrial: false,
      now: NOW,
      random: () => chance,
    }).openUntil - NOW;
  assert.equal(at(0), 1_600);
  assert.ok(at(0.999) > 2_390);
});

Deno.test("a recovered server's limit grows over ten seconds; one never ejected has no limit", () => {
  const back = { ...HEALTHY, recoveredAt: NOW };
  const limits = [0, 1, 2_500, 5_000, 9_999, 10_000].map((ms) => slowStartLimit(back, 8, NOW + ms));
  assert.deepEqual(limits, [1, 1, 2, 4, 8, Infinity]);
  assert.equal(slowStartLimit(HEALTHY, 8, NOW), Infinity);
  assert.equal(slowStartLimit(back, 8, NOW - 5_000), 1, "even if the clock is set back");
});

/** Health after a failure of a healthy server with these recent answers, including this one. */
function failedAmong(
  good: number,
  failures: number,
  { inARow = 1, ...more }: Partial<Trial> & { readonly inARow?: number } = {},
): Health {
  return afterRequest({ ...HEALTHY, consecutiveRequestFailures: inARow - 1 }, false, defaults, {
    isTrial: false,
    now: NOW,
    random: middle,
    recent: { good, failed: failures },
    ...more,
  });
}

for (
  const [good, failures, isOut] of [
    [0, 1, false],
    [0, 2, true],
    [1, 2, true],
    [2, 2, true],
    [3, 2, false],
    [10, 2, false],
    [10, 9, false],
    [10, 10, true],
    [1, 1, false],
  ] as const
) {
  Deno.test(`${failures} of ${good + failures} answers that failed ${isOut ? "take a server out" : "don't take a server out"}`, () => {
    const health = failedAmong(good, failures);
    assert.equal(health.status, isOut ? "unhealthy" : "healthy");
    if (good > 0 && isOut) {
      assert.equal(health.reason, `${failures} of ${good + failures} requests failed`);
    }
  });
}

Deno.test("consecutive failures don't eject a server with more good answers", () => {
  assert.equal(failedAmong(10, 5, { inARow: 5 }).status, "healthy");
  assert.equal(failedAmong(4, 5, { inARow: 5 }).status, "unhealthy");
});

Deno.test("a server that answers some requests stays in rotation if too few others are left", () => {
  const few = { mayOpen: () => false };
  assert.equal(failedAmong(2, 10, few).status, "healthy");
  assert.equal(failedAmong(2, 10, { mayOpen: () => true }).status, "unhealthy");
  assert.equal(failedAmong(0, 2, few).status, "unhealthy", "it answers none");
});

Deno.test("remaining servers are counted only if the breaker would open", () => {
  const mayOpen = () => assert.fail("asked");
  failedAmong(0, 1, { mayOpen });
  failedAmong(5, 4, { mayOpen });
  failedAmong(0, 3, { mayOpen });
});

Deno.test("a server that refuses connections is ejected after consecutive failures, whatever it answered before", () => {
  const refused = { unreachable: true, mayOpen: () => false };
  assert.equal(failedAmong(15, 1, { ...refused, inARow: 1 }).status, "healthy");
  assert.equal(failedAmong(15, 4, { ...refused, inARow: 1 }).status, "healthy");
  const out = failedAmong(15, 2, { ...refused, inARow: 2 });
  assert.equal(out.status, "unhealthy");
  assert.equal(out.reason, "2 requests failed in a row");
});

Deno.test("the reason for an ejection includes what the server did", () => {
  const what = "it answered 500";
  assert.equal(
    failedAmong(0, 2, { inARow: 2, what }).reason,
    `2 requests failed in a row: ${what}`,
  );
  assert.equal(failedAmong(1, 3, { what }).reason, `3 of 4 requests failed: ${what}`);
  const trial = { isTrial: true, now: NOW, random: middle, what };
  assert.equal(
    afterRequest(halfOpened(failed(HEALTHY, 2)), false, defaults, trial).reason,
    `the request that tried it failed: ${what}`,
  );
  const settings = settingsWith({ failure_threshold: 1 });
  assert.equal(
    afterRequest(HEALTHY, false, settings, { ...trial, isTrial: false }).reason,
    `a request failed: ${what}`,
  );
});

Deno.test("a failed trial ejects a half-open server, whatever its answers and the other servers", () => {
  const trial = { isTrial: true, now: NOW, random: middle, mayOpen: () => false };
  const halfOpen = halfOpened(failed(HEALTHY, 2));
  const out = afterRequest(halfOpen, false, defaults, {
    ...trial,
    recent: { good: 19, failed: 1 },
  });
  assert.equal(out.status, "unhealthy");
});

Deno.test("a healthy server is ejected exactly if half of its answers failed and enough others are left", () => {
  fc.assert(
    fc.property(
      fc.nat(20),
      fc.integer({ min: 1, max: 20 }),
      fc.nat(20),
      fc.integer({ min: 1, max: 6 }),
      fc.boolean(),
      (good, failures, fewer, failureThreshold, mayOpen) => {
        const inARow = Math.max(1, failures - fewer);
        const health = afterRequest(
          { ...HEALTHY, consecutiveRequestFailures: inARow - 1 },
          false,
          { failureThreshold },
          {
            isTrial: false,
            now: NOW,
            random: middle,
            recent: { good, failed: failures },
            mayOpen: () => mayOpen,
          },
        );
        const isOut = failures >= failureThreshold && failures >= good && (good === 0 || mayOpen);
        assert.equal(health.status, isOut ? "unhealthy" : "healthy");
        assert.equal(health.consecutiveRequestFailures, inARow);
      },
    ),
    { numRuns },
  );
});
