import assert from "node:assert/strict";
import fc from "fast-check";
import { afterRequest, isLastResort, slowStartLimit } from "../../src/fleet/breaker.ts";
import { afterCheck, type Health, UNCHECKED } from "../../src/fleet/health.ts";
import { configOf } from "../support/config.ts";
import { numRuns } from "../support/property.ts";

function settingsWith(settings: Record<string, unknown> = {}) {
  return configOf([{ url: "http://gpu" }], settings).settings;
}

const defaults = settingsWith();
const PASSED = { ok: true, responseMs: 5 };
const NOW = 1_000_000;
/** Neither shortens nor lengthens a time. */
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

/** As soon as its time allows. */
function halfOpened(health: Health): Health {
  const halfOpen = afterCheck(health, PASSED, defaults, health.openUntil);
  assert.equal(halfOpen.status, "half-open");
  return halfOpen;
}

Deno.test("a request that fails takes a server out only at the second in a row", () => {
  assert.equal(failed(HEALTHY, 1).status, "healthy");
  const out = failed(HEALTHY, 2);
  assert.equal(out.status, "unhealthy");
  assert.equal(out.reason, "2 requests failed in a row");
});

Deno.test("the row of requests is as long as configured", () => {
  const settings = settingsWith({ failure_threshold: 4 });
  assert.equal(failed(HEALTHY, 3, NOW, settings).status, "healthy");
  assert.equal(failed(HEALTHY, 4, NOW, settings).status, "unhealthy");
});

Deno.test("a request that is answered ends the row of failed ones", () => {
  const answered = tried(failed(HEALTHY, 1), true, NOW);
  assert.equal(answered.consecutiveRequestFailures, 0);
  assert.equal(failed(answered, 1).status, "healthy");
});

Deno.test("a check that passes does not excuse failed requests of a healthy server", () => {
  const health = afterCheck(failed(HEALTHY, 1), PASSED, defaults, NOW);
  assert.equal(failed(health, 1).status, "unhealthy");
});

Deno.test("a server that answers well keeps the very same record", () => {
  assert.equal(tried(HEALTHY, true, NOW), HEALTHY);
});

Deno.test("failures of requests that were under way don't keep a server out for longer", () => {
  const out = failed(HEALTHY, 2);
  const after = failed(out, 20, NOW + 1_000);
  assert.equal(after.openUntil, out.openUntil);
  assert.equal(after.opened, 1);
  assert.equal(after.consecutiveRequestFailures, 22);
  assert.equal(after.reason, out.reason);
});

Deno.test("a good answer that comes late doesn't bring back a server that is out", () => {
  const out = failed(HEALTHY, 2);
  const late = { isTrial: false, now: out.openUntil + 1, random: middle };
  const after = afterRequest(out, true, defaults, late);
  assert.equal(after.status, "unhealthy");
  assert.equal(after.openUntil, out.openUntil);
});

Deno.test("a server that was tried as a last resort is back with a good answer, and out no longer with another failure", () => {
  const out = failed(HEALTHY, 2);
  const trial = { isTrial: true, now: NOW + 1_000, random: middle };
  assert.equal(afterRequest(out, true, defaults, trial).status, "healthy");
  assert.equal(afterRequest(out, false, defaults, trial).openUntil, out.openUntil);
});

Deno.test("who is out by its requests is a last resort after a second, as long as it answers its checks", () => {
  const out = failed(HEALTHY, 2);
  assert.equal(isLastResort(out, NOW + 999), false);
  assert.equal(isLastResort(out, NOW + 1_000), true);
  assert.equal(isLastResort({ ...out, consecutiveCheckFailures: 1 }, NOW + 1_000), false);
  assert.equal(isLastResort(HEALTHY, NOW + 1_000), false);
  assert.equal(isLastResort({ ...HEALTHY, status: "unhealthy" }, NOW + 1_000), false);
});

Deno.test("a request that tried a server brings it back only where no check has failed since", () => {
  const failedCheck = { ok: false, responseMs: 5 };
  const settings = settingsWith({ health_check_consecutive_failures: 1 });
  const out = failed(HEALTHY, 2);
  for (const before of [out, halfOpened(out)]) {
    const now = out.openUntil + 1;
    const failing = afterCheck(before, failedCheck, settings, now);
    assert.equal(tried(failing, true, now).status, "unhealthy", before.status);
  }
});

Deno.test("of a half-open server only the request that tries it decides", () => {
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

Deno.test("a server that is back has a clean record but for how often it was out", () => {
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

Deno.test("each trial that fails keeps it out for twice as long, and never longer than a minute", () => {
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

Deno.test("who fails again soon after it came back stays out as long as before, after ten calm seconds it starts anew", () => {
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

Deno.test("the time varies by a fifth to either side, so that servers don't come back in step", () => {
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

Deno.test("a server that came back is filled up over ten seconds, one that never was out at once", () => {
  const back = { ...HEALTHY, recoveredAt: NOW };
  const limits = [0, 1, 2_500, 5_000, 9_999, 10_000].map((ms) => slowStartLimit(back, 8, NOW + ms));
  assert.deepEqual(limits, [1, 1, 2, 4, 8, Infinity]);
  assert.equal(slowStartLimit(HEALTHY, 8, NOW), Infinity);
  assert.equal(slowStartLimit(back, 8, NOW - 5_000), 1, "even if the clock is set back");
});
