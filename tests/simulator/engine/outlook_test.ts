import assert from "node:assert/strict";
import { Engine } from "../../../src/simulator/engine/engine.ts";
import { createSequence, type SequenceRequest } from "../../../src/simulator/engine/sequence.ts";
import { FakeClock } from "./fake_clock.ts";
import { test } from "../helpers.ts";

function request(from: number, promptLength: number, length = 10): SequenceRequest {
  return {
    prompt: Uint32Array.from({ length: promptLength }, (_, index) => from + index),
    length,
    lengthReason: "length",
    nextToken: () => 7,
    onToken() {},
    onFinish() {},
  };
}

const hashesOf = (from: number, promptLength: number) =>
  createSequence(request(from, promptLength), 0).blockHashes;

function setUp(maxNumSeqs = 4) {
  const clock = new FakeClock();
  const engine = new Engine({
    maxNumSeqs,
    kvBlocks: 1000,
    prefillTokensPerSecond: 1000,
    interTokenMs: 20,
    interTokenGrowth: 0.1,
    speed: 1,
  }, clock);
  return { clock, engine };
}

test("an idle engine has nothing pending, and reports the prefix it has computed", () => {
  const { clock, engine } = setUp();
  engine.add(request(0, 320));
  clock.advance(10_000);
  assert.deepEqual(engine.inspect(hashesOf(0, 400)), {
    running: 0,
    waiting: 0,
    pendingTokens: 0,
    pendingAttendedTokens: 0,
    cachedTokens: 320,
    stepLeftMs: 0,
    slowdown: 1,
  });
  assert.equal(engine.inspect(hashesOf(9000, 400)).cachedTokens, 0);
});

test("the current step counts by its remaining time, later work by its tokens", () => {
  const { clock, engine } = setUp();
  engine.add(request(0, 5000));
  clock.advance(68);
  const { running, pendingTokens, pendingAttendedTokens, stepLeftMs } = engine.inspect([]);
  // A step computes at most 2048 tokens.
  assert.deepEqual([running, pendingTokens, stepLeftMs], [1, 5000 - 2048, 2048 + 20 - 68]);
  assert.equal(pendingAttendedTokens, 2952 * (2048 + 4999) / 2);
});

test("of waiting prompts only tokens that will not be cached are pending", () => {
  const { clock, engine } = setUp(1);
  engine.add(request(0, 320));
  clock.advance(1);
  engine.add(request(0, 330));
  engine.add(request(5000, 100));
  engine.add(request(5000, 200));
  const { waiting, pendingTokens, cachedTokens } = engine.inspect(hashesOf(5000, 1000));
  assert.equal(waiting, 3);
  // Six blocks of the last prompt are computed with the one before it.
  assert.equal(pendingTokens, 10 + 100 + (200 - 96));
  assert.equal(cachedTokens, 192);
});

test("inspecting changes nothing", () => {
  const { clock, engine } = setUp();
  engine.add(request(0, 3000));
  clock.advance(500);
  assert.deepEqual(engine.inspect(hashesOf(0, 3000)), engine.inspect(hashesOf(0, 3000)));
  assert.equal(engine.statistics.prefixQueries, 3000);
});
