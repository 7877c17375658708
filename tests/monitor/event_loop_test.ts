import assert from "node:assert/strict";
import { LOOK_MS, watchEventLoop } from "../../src/monitor/event_loop.ts";
import { until } from "../support/until.ts";

const BLOCKED_MS = 200;

Deno.test("a blocked event loop shows as lag, until the watch is stopped", async () => {
  const lags: number[] = [];
  const stop = watchEventLoop((lagMs) => lags.push(lagMs));
  await until("the first look", () => lags.length > 0);
  const before = lags.length;
  const blockedUntil = performance.now() + BLOCKED_MS;
  while (performance.now() < blockedUntil);
  await until("the look after the block", () => lags.length > before);
  assert.ok(lags[before]! >= BLOCKED_MS - LOOK_MS, String(lags));
  assert.ok(lags.every((lag) => lag >= 0), String(lags));
  stop();
});
