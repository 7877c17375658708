import assert from "node:assert/strict";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { StateChange } from "../../src/fleet/state/change.ts";
import { startMonitor } from "../../src/monitor/monitor.ts";
import { configOf } from "../support/config.ts";
import { until } from "../support/until.ts";

Deno.test("a hundred servers that change in turn share a few views, and the last change shows", async () => {
  const urls = Array.from({ length: 100 }, (_, index) => `http://gpu-${index}`);
  const changes: StateChange[] = [];
  const fleet = new Fleet({
    config: configOf(urls.map((url) => ({ url, models: ["m"] }))),
    onStateChange: (change) => changes.push(change),
  });
  let snapshots = 0;
  const identity = { version: "1", address: "", isAdminElsewhere: false, startedAt: 0 };
  const keys = { list: () => [], shareOf: () => undefined };
  const monitor = startMonitor(
    () => {
      snapshots++;
      return fleet.snapshot();
    },
    identity,
    { keys },
  );
  try {
    for (const server of fleet.servers) {
      fleet.recordCheck(server, { ok: true, responseMs: 1 });
      for (const { stateChanged } of monitor.listeners) stateChanged?.(changes.at(-1)!);
      await Promise.resolve();
    }
    await until("all servers show", () => monitor.view().totals.healthy === 100);
    assert.ok(snapshots < 20, `${snapshots} snapshots`);
  } finally {
    monitor.stop();
  }
});
