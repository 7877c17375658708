import assert from "node:assert/strict";
import fc from "fast-check";
import {
  afterCheck,
  afterRequest,
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

function afterChecks(
  health: Health,
  checks: readonly Check[],
  settings = defaults,
): Health {
  return checks.reduce(
    (health, check) => afterCheck(health, check, settings),
    health,
  );
}

function afterFailedRequests(
  health: Health,
  times: number,
  settings = defaults,
): Health {
  for (let i = 0; i < times; i++) {
    health = afterRequest(health, false, settings);
  }
  return health;
}

const HEALTHY = afterCheck(UNCHECKED, PASSED, defaults);

Deno.test("a server is being checked until its first check", () => {
  assert.equal(UNCHECKED.status, "checking");
  assert.equal(successRate(UNCHECKED), 1);
  assert.equal(meanResponseMs(UNCHECKED), 0);
});

Deno.test("the first check decides: passed is healthy, failed is unhealthy", () => {
  assert.equal(HEALTHY.status, "healthy");
  assert.equal(afterCheck(UNCHECKED, FAILED, defaults).status, "unhealthy");
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
  assert.equal(afterCheck(HEALTHY, FAILED, settings).status, "unhealthy");
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
  const bearable = afterCheck(HEALTHY, slow, settings);
  assert.equal(meanResponseMs(bearable), 92.5);
  assert.equal(bearable.status, "healthy");
  assert.equal(afterCheck(bearable, slow, settings).status, "unhealthy");
});

Deno.test("a check that passes too slowly brings no server in or back", () => {
  const settings = settingsWith({ health_check_max_response_time: 0.1 });
  const slow = { ok: true, responseMs: 101 };
  assert.equal(afterCheck(UNCHECKED, slow, settings).status, "unhealthy");
  const out = afterCheck(UNCHECKED, FAILED, settings);
  assert.equal(afterCheck(out, slow, settings).status, "unhealthy");
  const inTime = { ok: true, responseMs: 100 };
  assert.equal(afterCheck(out, inTime, settings).status, "healthy");
});

Deno.test("a request that fails takes a server out only at the second in a row", () => {
  assert.equal(afterFailedRequests(HEALTHY, 1).status, "healthy");
  const out = afterFailedRequests(HEALTHY, 2);
  assert.equal(out.status, "unhealthy");
  assert.match(out.reason, /2 requests failed in a row/);
});

Deno.test("the row of requests is as long as configured", () => {
  const settings = settingsWith({ failure_threshold: 4 });
  assert.equal(afterFailedRequests(HEALTHY, 3, settings).status, "healthy");
  assert.equal(afterFailedRequests(HEALTHY, 4, settings).status, "unhealthy");
});

Deno.test("a request that is answered ends the row of failed ones", () => {
  const once = afterFailedRequests(HEALTHY, 1);
  const answered = afterRequest(once, true, defaults);
  assert.equal(answered.consecutiveRequestFailures, 0);
  assert.equal(afterFailedRequests(answered, 1).status, "healthy");
});

Deno.test("a check that passes does not excuse failed requests of a healthy server", () => {
  const health = afterCheck(afterFailedRequests(HEALTHY, 1), PASSED, defaults);
  assert.equal(afterFailedRequests(health, 1).status, "unhealthy");
});

Deno.test("one check that passes brings a server back with a clean record", () => {
  for (
    const out of [
      afterChecks(HEALTHY, [FAILED, FAILED, FAILED]),
      afterFailedRequests(HEALTHY, 5),
      afterCheck(UNCHECKED, FAILED, defaults),
    ]
  ) {
    const back = afterCheck(out, PASSED, defaults);
    assert.deepEqual(back, {
      status: "healthy",
      window: [PASSED],
      totalChecks: out.totalChecks + 1,
      consecutiveCheckFailures: 0,
      consecutiveRequestFailures: 0,
      reason: back.reason,
    });
  }
});

Deno.test("whatever happens, a passed check brings back, and the record keeps its bounds", () => {
  const event = fc.oneof(
    fc.record({
      ok: fc.boolean(),
      responseMs: fc.double({ min: 0, max: 20_000, noNaN: true }),
    }),
    fc.boolean(),
  );
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
      for (const event of events) {
        const before = health;
        if (typeof event === "boolean") {
          health = afterRequest(health, event, settings);
          if (event) assert.equal(health.status, before.status);
          assert.ok(
            before.status === "healthy" || health.status === before.status,
            "a request brings no server in",
          );
        } else {
          health = afterCheck(health, event, settings);
          checks++;
        }
        assert.equal(health.totalChecks, checks);
        assert.ok(health.window.length <= settings.healthCheckWindowSize);
        assert.ok(successRate(health) >= 0 && successRate(health) <= 1);
        if (health.status === "healthy") {
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
        assert.equal(afterCheck(health, PASSED, settings).status, "healthy");
      }
    }),
    { numRuns },
  );
});
