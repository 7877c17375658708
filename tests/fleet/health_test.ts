import assert from "node:assert/strict";
import fc from "fast-check";
import { afterRequest } from "../../src/fleet/breaker.ts";
import {
  afterCheck,
  type Check,
  type Health,
  meanResponseMs,
  successRate,
  UNCHECKED,
} from "../../src/fleet/health.ts";
import { configOf } from "../support/config.ts";
import { numRuns } from "../support/property.ts";

function settingsWith(settings: Record<string, unknown> = {}) {
  return configOf([{ url: "http://gpu" }], settings).settings;
}

const defaults = settingsWith();
const PASSED: Check = { ok: true, responseMs: 5 };
const FAILED: Check = { ok: false, responseMs: 5 };
const NOW = 1_000_000;

function afterChecks(
  health: Health,
  checks: readonly Check[],
  settings = defaults,
): Health {
  return checks.reduce(
    (health, check) => afterCheck(health, check, settings, NOW),
    health,
  );
}

const HEALTHY = afterCheck(UNCHECKED, PASSED, defaults, NOW);

Deno.test("a server is being checked until its first check", () => {
  assert.equal(UNCHECKED.status, "checking");
  assert.equal(successRate(UNCHECKED), 1);
  assert.equal(meanResponseMs(UNCHECKED), 0);
});

Deno.test("the first check decides: passed is healthy, failed is unhealthy", () => {
  assert.equal(HEALTHY.status, "healthy");
  assert.equal(afterCheck(UNCHECKED, FAILED, defaults, NOW).status, "unhealthy");
});

Deno.test("a check that fails takes a server out only at the third in a row", () => {
  const states = [1, 2, 3].map((times) => afterChecks(HEALTHY, Array(times).fill(FAILED)).status);
  assert.deepEqual(states, ["healthy", "healthy", "unhealthy"]);
  assert.match(
    afterChecks(HEALTHY, [FAILED, FAILED, FAILED]).reason,
    /3 checks failed in a row/,
  );
});

Deno.test("a check that passes ends the row of failed ones", () => {
  const health = afterChecks(HEALTHY, [FAILED, FAILED, PASSED, FAILED, FAILED]);
  assert.equal(health.status, "healthy");
  assert.equal(health.consecutiveCheckFailures, 2);
});

Deno.test("the row that takes a server out is as long as configured", () => {
  const settings = settingsWith({ health_check_consecutive_failures: 1 });
  assert.equal(afterCheck(HEALTHY, FAILED, settings, NOW).status, "unhealthy");
});

Deno.test("a full window with too few successes takes a server out", () => {
  const settings = settingsWith({
    health_check_window_size: 5,
    health_check_min_success_rate: 0.8,
  });
  const fair = afterChecks(
    HEALTHY,
    [PASSED, FAILED, PASSED, PASSED, PASSED],
    settings,
  );
  assert.equal(successRate(fair), 0.8);
  assert.equal(fair.status, "healthy");

  const poor = afterChecks(fair, [FAILED], settings);
  assert.equal(successRate(poor), 0.6);
  assert.equal(poor.status, "unhealthy");
  assert.match(poor.reason, /60%/);
});

Deno.test("a window that isn't full yet takes no server out", () => {
  const health = afterChecks(HEALTHY, [FAILED, FAILED, PASSED, FAILED]);
  assert.equal(successRate(health), 0.4);
  assert.equal(health.status, "healthy");
});

Deno.test("checks that are too slow on average take a server out", () => {
  const settings = settingsWith({ health_check_max_response_time: 0.1 });
  const slow = { ok: true, responseMs: 180 };
  const bearable = afterCheck(HEALTHY, slow, settings, NOW);
  assert.equal(meanResponseMs(bearable), 92.5);
  assert.equal(bearable.status, "healthy");
  assert.equal(afterCheck(bearable, slow, settings, NOW).status, "unhealthy");
});

Deno.test("a check that passes too slowly brings no server in or back", () => {
  const settings = settingsWith({ health_check_max_response_time: 0.1 });
  const slow = { ok: true, responseMs: 101 };
  assert.equal(afterCheck(UNCHECKED, slow, settings, NOW).status, "unhealthy");
  const out = afterCheck(UNCHECKED, FAILED, settings, NOW);
  assert.equal(afterCheck(out, slow, settings, NOW).status, "unhealthy");
  const inTime = { ok: true, responseMs: 100 };
  assert.equal(afterCheck(out, inTime, settings, NOW).status, "healthy");
});

Deno.test("one check that passes brings back a server that checks took out, with a clean record", () => {
  for (
    const out of [
      afterChecks(HEALTHY, [FAILED, FAILED, FAILED]),
      { ...afterChecks(HEALTHY, [FAILED, FAILED, FAILED]), consecutiveRequestFailures: 5 },
      afterCheck(UNCHECKED, FAILED, defaults, NOW),
    ]
  ) {
    assert.equal(out.status, "unhealthy");
    assert.deepEqual(afterCheck(out, PASSED, defaults, NOW + 7), {
      ...UNCHECKED,
      status: "healthy",
      window: [PASSED],
      totalChecks: out.totalChecks + 1,
      recoveredAt: NOW + 7,
      reason: "check passed",
    });
  }
});

Deno.test("a server that was never out has not come back, so it starts at full speed", () => {
  assert.equal(HEALTHY.recoveredAt, 0);
});

const OPEN: Health = {
  ...HEALTHY,
  status: "unhealthy",
  consecutiveRequestFailures: 2,
  openUntil: NOW + 2_000,
  opened: 1,
  reason: "2 requests failed in a row",
};

Deno.test("a check that passes before the time of a server that requests took out says nothing", () => {
  const health = afterCheck(OPEN, PASSED, defaults, OPEN.openUntil - 1);
  assert.equal(health.status, "unhealthy");
  assert.equal(health.reason, OPEN.reason);
  assert.equal(health.openUntil, OPEN.openUntil);
  assert.equal(health.totalChecks, OPEN.totalChecks + 1);
});

Deno.test("a check that passes from that time on makes it half-open, again and again", () => {
  const once = afterCheck(OPEN, PASSED, defaults, OPEN.openUntil);
  assert.equal(once.status, "half-open");
  assert.match(once.reason, /one request at a time/);
  assert.equal(once.recoveredAt, 0, "it is not back yet");
  assert.equal(once.opened, 1);
  const later = afterCheck(once, PASSED, defaults, OPEN.openUntil + 60_000);
  assert.equal(later.status, "half-open");
});

Deno.test("a check that fails or is too slow takes a half-open server out, the next makes it half-open", () => {
  const halfOpen = afterCheck(OPEN, PASSED, defaults, OPEN.openUntil);
  for (const check of [FAILED, { ok: true, responseMs: 10_001 }]) {
    const out = afterCheck(halfOpen, check, defaults, OPEN.openUntil + 10);
    assert.equal(out.status, "unhealthy");
    assert.equal(out.opened, 1, "that is no second time that requests took it out");
    assert.equal(
      afterCheck(out, PASSED, defaults, OPEN.openUntil + 20).status,
      "half-open",
    );
  }
});

Deno.test("whatever happens, checks and requests keep their bounds and only what may brings back", () => {
  const event = fc.record({
    event: fc.oneof(
      fc.record({
        ok: fc.boolean(),
        responseMs: fc.double({ min: 0, max: 20_000, noNaN: true }),
      }),
      fc.record({ answered: fc.boolean(), isTrial: fc.boolean() }),
    ),
    afterMs: fc.nat(90_000),
    chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  const settings = fc.record({
    failure_threshold: fc.integer({ min: 1, max: 4 }),
    health_check_window_size: fc.integer({ min: 1, max: 6 }),
    health_check_consecutive_failures: fc.integer({ min: 1, max: 5 }),
    health_check_min_success_rate: fc.constantFrom(0, 0.5, 0.8, 1),
  }).map(settingsWith);
  fc.assert(
    fc.property(settings, fc.array(event), (settings, events) => {
      let health = UNCHECKED;
      let checks = 0;
      let now = NOW;
      for (const { event, afterMs, chance } of events) {
        now += afterMs;
        const before = health;
        if ("answered" in event) {
          const { answered, isTrial } = event;
          const trial = { isTrial, now, random: () => chance };
          health = afterRequest(health, answered, settings, trial);
          if (health.status !== before.status) {
            assert.ok(
              answered
                ? isTrial && health.status === "healthy" &&
                  (before.status === "half-open" || before.openUntil > 0)
                : health.status === "unhealthy",
              `${before.status} to ${health.status}`,
            );
          }
          if (before.status === "checking") assert.equal(health.status, "checking");
        } else {
          health = afterCheck(health, event, settings, now);
          checks++;
          if (health.status === "healthy" && before.status !== "healthy") {
            assert.equal(before.openUntil, 0, "requests had not taken it out");
          }
          if (health.status === "half-open") assert.ok(now >= health.openUntil);
        }
        assert.equal(health.totalChecks, checks);
        assert.ok(health.window.length <= settings.healthCheckWindowSize);
        assert.ok(successRate(health) >= 0 && successRate(health) <= 1);
        assert.ok(health.openUntil - now <= 72_000);
        assert.notEqual(health.reason, "");
        if (health.status === "healthy") {
          assert.equal(health.openUntil, 0);
          assert.ok(
            health.consecutiveRequestFailures < settings.failureThreshold,
          );
          assert.ok(
            health.consecutiveCheckFailures <
              settings.healthCheckConsecutiveFailures,
          );
        }
      }
      if (health.status !== "healthy") {
        const back = afterCheck(health, PASSED, settings, now + 72_000).status;
        assert.equal(back, health.openUntil > 0 ? "half-open" : "healthy");
      }
    }),
    { numRuns },
  );
});
