import assert from "node:assert/strict";
import type { EngineState } from "../../../src/fleet/lease.ts";
import {
  beginRead,
  checkWait,
  endRead,
  newWait,
  type WaitLimits,
} from "../../../src/proxy/attempt/wait.ts";

const LIMITS: WaitLimits = {
  firstByteMs: 1_000,
  chunkMs: 100,
  clientMs: 500,
  dueAt: Infinity,
  stallTimeoutMs: 50,
};
const UNKNOWN: EngineState = { movedAt: -Infinity, noProgressSince: Infinity };
/** An engine state at times on the clock of `performance.now()`. */
const engineAt = ({ movedAt = -Infinity, noProgressSince = Infinity }): EngineState => ({
  movedAt: movedAt + performance.timeOrigin,
  noProgressSince: noProgressSince + performance.timeOrigin,
});

Deno.test("silence before the first bytes expires after its limit, and is checked no later", () => {
  const wait = newWait();
  beginRead(wait, 0);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 0), 50);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 990), 1_000);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 1_000), "silent");
});

Deno.test("an engine that moves extends the wait for the first bytes, ten times at most", () => {
  const wait = newWait();
  beginRead(wait, 0);
  assert.notEqual(checkWait(wait, LIMITS, engineAt({ movedAt: 900 }), 1_500), "silent");
  assert.equal(checkWait(wait, LIMITS, engineAt({ movedAt: 900 }), 1_901), "silent");
  assert.equal(checkWait(wait, LIMITS, engineAt({ movedAt: 20_000 }), 10_001), "silent");
});

Deno.test("once the answer has begun, the limit between chunks applies, and a stalled engine's", () => {
  const wait = newWait();
  wait.hasBegun = true;
  beginRead(wait, 0);
  assert.equal(checkWait(wait, LIMITS, engineAt({ movedAt: 99 }), 101), "silent");
  assert.equal(checkWait(wait, LIMITS, engineAt({ noProgressSince: 10 }), 61), "stopped");
});

Deno.test("comments are no progress: silence counts from the read before them", () => {
  const wait = newWait();
  wait.hasBegun = true;
  beginRead(wait, 0);
  endRead(wait, false);
  beginRead(wait, 60);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 100), "silent");
  endRead(wait, true);
  beginRead(wait, 100);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 100), 150);
});

Deno.test("while nothing is read, the time counts against the client, from the first check on", () => {
  const wait = newWait();
  beginRead(wait, 0);
  endRead(wait, true);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 5_000), 5_050);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 5_499), 5_500);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 5_500), "unread");
  beginRead(wait, 5_500);
  endRead(wait, true);
  assert.equal(checkWait(wait, LIMITS, UNKNOWN, 5_501), 5_551, "another pause");
});

Deno.test("a request is overdue whatever it waits for", () => {
  const limits = { ...LIMITS, dueAt: 30 };
  const wait = newWait();
  assert.equal(checkWait(wait, limits, UNKNOWN, 0), 30);
  assert.equal(checkWait(wait, limits, UNKNOWN, 30), "overdue");
  beginRead(wait, 0);
  assert.equal(checkWait(wait, limits, UNKNOWN, 30), "overdue");
});
