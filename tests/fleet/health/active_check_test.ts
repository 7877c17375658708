import assert from "node:assert/strict";
import fc from "fast-check";
import { afterRequest } from "../../../src/fleet/health/circuit_breaker.ts";
import {
  afterCheck,
  type Check,
  type Evidence,
  type Health,
  meanResponseMs,
  successRate,
  UNCHECKED,
} from "../../../src/fleet/health/active_check.ts";
import { configOf } from "../../support/config.ts";
import { numRuns } from "../../support/property.ts";

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

Deno.test("a server is in checking until its first check", () => {
  assert.equal(UNCHECKED.status, "checking");
  assert.equal(successRate(UNCHECKED), 1);
  assert.equal(meanResponseMs(UNCHECKED), 0);
});

Deno.test("the first check decides: passed is healthy, failed is unhealthy", () => {
  assert.equal(HEALTHY.status, "healthy");
  assert.equal(afterCheck(UNCHECKED, FAILED, defaults, NOW).status, "unhealthy");
});

Deno.test("only the third consecutive failed check ejects a server", () => {
  const states = [1, 2, 3].map((times) => afterChecks(HEALTHY, Array(times).fill(FAILED)).status);
  assert.deepEqual(states, ["healthy", "healthy", "unhealthy"]);
  assert.match(
    afterChecks(HEALTHY, [FAILED, FAILED, FAILED]).reason,
    /3 checks failed in a row/,
  );
});

Deno.test("a passed check resets the consecutive failures", () => {
  const health = afterChecks(HEALTHY, [FAILED, FAILED, PASSED, FAILED, FAILED]);
  assert.equal(health.status, "healthy");
  assert.equal(health.consecutiveCheckFailures, 2);
});

Deno.test("the number of consecutive failures that ejects a server is configurable", () => {
  const settings = settingsWith({ health_check_consecutive_failures: 1 });
  assert.equal(afterCheck(HEALTHY, FAILED, settings, NOW).status, "unhealthy");
});

Deno.test("a full window with too few successes ejects a server", () => {
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

Deno.test("a window that isn't full ejects no server", () => {
  const health = afterChecks(HEALTHY, [FAILED, FAILED, PASSED, FAILED]);
  assert.equal(successRate(health), 0.4);
  assert.equal(health.status, "healthy");
});

Deno.test("checks that are too slow on average eject a server", () => {
  const settings = settingsWith({ health_check_max_response_time: 0.1 });
  const slow = { ok: true, responseMs: 180 };
  const bearable = afterCheck(HEALTHY, slow, settings, NOW);
  assert.equal(meanResponseMs(bearable), 92.5);
  assert.equal(bearable.status, "healthy");
  assert.equal(afterCheck(bearable, slow, settings, NOW).status, "unhealthy");
});

Deno.test("a check that passes too slowly neither admits nor recovers a server", () => {
  const settings = settingsWith({ health_check_max_response_time: 0.1 });
  const slow = { ok: true, responseMs: 101 };
  assert.equal(afterCheck(UNCHECKED, slow, settings, NOW).status, "unhealthy");
  const out = afterCheck(UNCHECKED, FAILED, settings, NOW);
  assert.equal(afterCheck(out, slow, settings, NOW).status, "unhealthy");
  const inTime = { ok: true, responseMs: 100 };
  assert.equal(afterCheck(out, inTime, settings, NOW).status, "healthy");
});

Deno.test("one passed check recovers a server ejected by checks, with a clean record", () => {
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

Deno.test("a server that was never ejected has no slow start", () => {
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

Deno.test("a check that passes during the open time changes nothing", () => {
  const health = afterCheck(OPEN, PASSED, defaults, OPEN.openUntil - 1);
  assert.equal(health.status, "unhealthy");
  assert.equal(health.reason, OPEN.reason);
  assert.equal(health.openUntil, OPEN.openUntil);
  assert.equal(health.totalChecks, OPEN.totalChecks + 1);
});

Deno.test("each check that passes after the open time makes the server half-open", () => {
  const once = afterCheck(OPEN, PASSED, defaults, OPEN.openUntil);
  assert.equal(once.status, "half-open");
  assert.match(once.reason, /one request at a time/);
  assert.equal(once.recoveredAt, 0, "it is not back yet");
  assert.equal(once.opened, 1);
  const later = afterCheck(once, PASSED, defaults, OPEN.openUntil + 60_000);
  assert.equal(later.status, "half-open");
});

Deno.test("a failed or slow check ejects a half-open server, the next passed one makes it half-open again", () => {
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

Deno.test("under any events, counters stay within bounds and only permitted ones recover a server", () => {
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

const SLOW: Check = {
  ok: false,
  responseMs: 5_000,
  isSlow: true,
  failure: "/health took over 5 s",
};
const LATE: Check = { ok: true, responseMs: 10_001 };
const TELLS_503: Check = { ok: false, responseMs: 5, failure: "/health answered 503" };
const REFUSED: Check = { ok: false, responseMs: 1, refused: true, failure: "Connection refused" };
const GO_WELL: Evidence = { answers: true, isFleetwide: () => false };
const MOST_FAIL: Evidence = { answers: false, isFleetwide: () => true };
const NONE: Evidence = { answers: false, isFleetwide: () => false };

/** Health after repeating the same check with the same evidence. */
function afterAll(health: Health, check: Check, evidence: Evidence, times = 20): Health {
  for (let i = 0; i < times; i++) health = afterCheck(health, check, defaults, NOW, evidence);
  return health;
}

for (
  const [what, check, evidence, status] of [
    ["slow checks while requests succeed", SLOW, GO_WELL, "healthy"],
    ["late checks while requests succeed", LATE, GO_WELL, "healthy"],
    ["checks with 503 while requests succeed", TELLS_503, GO_WELL, "healthy"],
    ["refused checks while requests succeed", REFUSED, GO_WELL, "unhealthy"],
    ["slow checks on most servers", SLOW, MOST_FAIL, "healthy"],
    ["late checks on most servers", LATE, MOST_FAIL, "healthy"],
    ["checks with 503 on most servers", TELLS_503, MOST_FAIL, "unhealthy"],
    ["refused checks on most servers", REFUSED, MOST_FAIL, "unhealthy"],
    ["slow checks on this server alone", SLOW, NONE, "unhealthy"],
    ["late checks on this server alone", LATE, NONE, "unhealthy"],
  ] satisfies [string, Check, Evidence, Health["status"]][]
) {
  Deno.test(`${what} leave a healthy server ${status}`, () => {
    const health = afterAll(HEALTHY, check, evidence);
    assert.equal(health.status, status);
    assert.equal(health.totalChecks, HEALTHY.totalChecks + 20);
    if (status === "healthy") {
      assert.equal(health.reason, HEALTHY.reason);
      assert.deepEqual(health.window, HEALTHY.window, "a check that is overruled is forgotten");
      assert.equal(health.consecutiveCheckFailures, 20);
    }
  });
}

Deno.test("without successful requests, the next failed check ejects a server", () => {
  const overruled = afterAll(HEALTHY, SLOW, GO_WELL, 3);
  const out = afterCheck(overruled, SLOW, defaults, NOW, NONE);
  assert.equal(out.status, "unhealthy");
  assert.equal(out.reason, "4 checks failed in a row: /health took over 5 s");
});

for (
  const [evidence, why] of [
    [GO_WELL, "requests succeed"],
    [MOST_FAIL, "they fail on most servers, so requests decide"],
  ] as const
) {
  Deno.test(`a server ejected by checks becomes half-open if ${why}`, () => {
    for (
      const out of [afterAll(HEALTHY, SLOW, NONE, 3), afterCheck(UNCHECKED, SLOW, defaults, NOW)]
    ) {
      assert.equal(out.status, "unhealthy");
      const halfOpen = afterCheck(out, SLOW, defaults, NOW + 10, evidence);
      assert.equal(halfOpen.status, "half-open");
      assert.equal(halfOpen.reason, `checks fail: /health took over 5 s; ${why}`);
      const still = afterCheck(halfOpen, SLOW, defaults, NOW + 20, evidence);
      assert.deepEqual([still.status, still.reason], ["half-open", halfOpen.reason]);
      const trial = { isTrial: true, now: NOW + 20, random: () => 0.5 };
      assert.equal(afterRequest(still, true, defaults, trial).status, "healthy");
      assert.equal(afterRequest(still, false, defaults, trial).status, "unhealthy");
      assert.equal(afterCheck(still, PASSED, defaults, NOW + 30, NONE).status, "healthy");
    }
  });
}

Deno.test("a server ejected by requests stays out for its open time, whatever the evidence", () => {
  for (const evidence of [GO_WELL, MOST_FAIL]) {
    const before = afterCheck(OPEN, SLOW, defaults, OPEN.openUntil - 1, evidence);
    assert.equal(before.status, "unhealthy");
    const after = afterCheck(OPEN, SLOW, defaults, OPEN.openUntil, evidence);
    assert.equal(after.status, "half-open");
  }
});

Deno.test("evidence doesn't affect passed checks or refused connections", () => {
  const health = fc.record({
    status: fc.constantFrom<Health["status"]>("checking", "healthy", "half-open", "unhealthy"),
    openUntil: fc.constantFrom(0, NOW - 1, NOW + 1),
    consecutiveCheckFailures: fc.nat(5),
  }).map((known): Health => ({ ...HEALTHY, ...known }));
  const evidence = fc.record({ answers: fc.boolean(), isFleetwide: fc.func(fc.boolean()) });
  fc.assert(
    fc.property(health, fc.constantFrom(PASSED, REFUSED), evidence, (health, check, evidence) => {
      assert.deepEqual(
        afterCheck(health, check, defaults, NOW, evidence),
        afterCheck(health, check, defaults, NOW),
      );
    }),
    { numRuns },
  );
});

Deno.test("while requests succeed no check ejects a server, except a refused connection", () => {
  const check = fc.record({
    ok: fc.boolean(),
    responseMs: fc.double({ min: 0, max: 20_000, noNaN: true }),
    isSlow: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(check), (checks) => {
      let health = HEALTHY;
      for (const check of checks) {
        health = afterCheck(health, check, defaults, NOW, GO_WELL);
        assert.equal(health.status, "healthy");
      }
    }),
    { numRuns },
  );
});
