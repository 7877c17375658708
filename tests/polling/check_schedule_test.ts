import assert from "node:assert/strict";
import { isDueForCheck } from "../../src/polling/check_schedule.ts";
import { type Health, UNCHECKED } from "../../src/fleet/health/active_check.ts";
import { newServer, type Server } from "../../src/fleet/state/server.ts";
import { configOf } from "../support/config.ts";

const NOW = 1_000_000;
const [CONFIG] = configOf([{ url: "http://gpu" }]).servers;

function isDue(
  status: Health["status"],
  known: Partial<Server>,
  settings: Record<string, unknown> = {},
): boolean {
  const server: Server = {
    ...newServer(0, CONFIG!, 0),
    health: { ...UNCHECKED, status },
    models: new Map([["m", { id: "m" }]]),
    ...known,
  };
  return isDueForCheck(server, configOf([{ url: "http://gpu" }], settings).settings, NOW);
}

for (
  const [status, agoMs, settings, expected] of [
    ["checking", undefined, {}, true],
    ["checking", 0, {}, true],
    ["healthy", undefined, {}, true],
    ["healthy", 8_999, {}, false],
    ["healthy", 9_000, {}, true],
    ["half-open", 8_999, {}, false],
    ["unhealthy", 1_799, {}, false],
    ["unhealthy", 1_800, {}, true],
    ["unhealthy", 1_800, { health_check_interval: 600 }, true],
    ["unhealthy", 900, { health_check_interval: 1 }, true],
    ["unhealthy", 1_800, { metrics_interval: 60 }, true],
  ] as const
) {
  Deno.test(`a ${status} server that was checked ${agoMs === undefined ? "never" : `${agoMs} ms ago`}, ${JSON.stringify(settings)}, is ${expected ? "" : "not "}due`, () => {
    const lastCheckAt = agoMs === undefined ? undefined : NOW - agoMs;
    assert.equal(isDue(status, { lastCheckAt }, settings), expected);
  });
}

const OFF = { enable_active_health_check: false, auto_recovery_threshold: 60 };

Deno.test("without active checks only a server that failed long ago or has no known models is due", () => {
  assert.equal(isDue("checking", {}, OFF), true);
  assert.equal(isDue("healthy", { lastCheckAt: 0 }, OFF), false);
  assert.equal(isDue("healthy", { lastCheckAt: 0, models: new Map() }, OFF), true);
  assert.equal(isDue("unhealthy", { lastFailureAt: NOW - 59_999 }, OFF), false);
  assert.equal(isDue("unhealthy", { lastFailureAt: NOW - 60_000 }, OFF), true);
});
