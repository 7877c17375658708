import assert from "node:assert/strict";
import { Engine } from "../../../src/simulator/engine/engine.ts";
import type { EngineOptions } from "../../../src/simulator/engine/engine_options.ts";
import type { SequenceRequest } from "../../../src/simulator/engine/sequence.ts";
import { FakeClock } from "./fake_clock.ts";
import { test } from "../helpers.ts";

const OPTIONS: EngineOptions = {
  maxNumSeqs: 4,
  kvBlocks: 100,
  prefillTokensPerSecond: 1000,
  interTokenMs: 20,
  interTokenGrowth: 0.1,
  speed: 1,
};

function setUp(options: Partial<EngineOptions> = {}) {
  const clock = new FakeClock();
  const engine = new Engine({ ...OPTIONS, ...options }, clock);
  /** Adds a request with the prompt's token ids given by `from` and `length`. */
  function add(
    from: number,
    promptLength: number,
    length: number,
    more: Partial<SequenceRequest> = {},
  ) {
    const log = { tokensAt: [] as number[], finished: null as string | null };
    const sequence = engine.add({
      prompt: Uint32Array.from(
        { length: promptLength },
        (_, index) => from + index,
      ),
      length,
      lengthReason: "stop",
      nextToken: () => 7,
      onToken: () => log.tokensAt.push(Math.round(clock.now())),
      onFinish: (reason) => log.finished = reason,
      ...more,
    });
    return { sequence, log };
  }
  return { clock, engine, add };
}

test("the first token takes the prefill and a step, each further token one step", () => {
  const { clock, add } = setUp();
  const { log } = add(0, 100, 3);
  clock.advance(1000);
  assert.deepEqual(log.tokensAt, [120, 140, 160]);
  assert.equal(log.finished, "stop");
});

test("with prefillDoublesAt, a prompt token takes longer the more tokens are before it", () => {
  const prefill = (length: number, cached = 0) => {
    const { clock, add } = setUp({ kvBlocks: 1000, prefillDoublesAt: 1000 });
    if (cached > 0) add(0, cached, 1);
    clock.advance(100_000);
    const startedAt = clock.now();
    const { log } = add(0, length, 1);
    clock.advance(100_000);
    return log.tokensAt[0]! - startedAt;
  };
  // 20 ms for the step; the tokens take 1 ms each, and half the square of their number.
  assert.equal(prefill(101), 20 + 101 + 5);
  assert.equal(prefill(1001), 20 + 1001 + 501);
  // Chunks, which each take a step, take as long together as one.
  assert.equal(prefill(4001), 2 * 20 + 4001 + 8002);
  assert.equal(prefill(1601, 1600), 20 + 1 + 2, "a cached prefix is attended to");
});

test("a block of the cache has blockSize tokens", () => {
  const { clock, engine, add } = setUp({ blockSize: 64 });
  add(0, 320, 1);
  clock.advance(1000);
  const { sequence } = add(0, 330, 1);
  clock.advance(10);
  assert.equal(sequence.cachedTokens, 320);
  assert.equal(engine.cache.usedBlocks, 6);
  const { sequence: other } = add(0, 320, 1);
  clock.advance(1000);
  assert.equal(other.cachedTokens, 256);
});

test("each additional sequence lengthens the step", () => {
  const { clock, add } = setUp();
  const logs = [add(0, 1, 2), add(100, 1, 2), add(200, 1, 2)].map(({ log }) => log);
  clock.advance(1000);
  // The first step has only the first request, and the last step no longer has it.
  assert.deepEqual(logs[0]!.tokensAt, [21, 47]);
  assert.deepEqual(logs[1]!.tokensAt, [47, 69]);
  assert.deepEqual(logs[2]!.tokensAt, [47, 69]);
});

test("a long prompt is prefilled in chunks and slows decoding sequences", () => {
  const { clock, add } = setUp({ kvBlocks: 1000 });
  const { log } = add(0, 1, 5);
  clock.advance(30);
  const long = add(10_000, 4000, 1);
  clock.advance(10_000);
  const [, , third, fourth] = log.tokensAt;
  assert.ok(fourth! - third! > 1900, `${log.tokensAt}`);
  assert.equal(long.log.tokensAt[0], log.tokensAt[3]);
});

test("a cached prefix makes the first token arrive sooner", () => {
  const { clock, engine, add } = setUp();
  add(0, 320, 1);
  clock.advance(1000);
  const startedAt = clock.now();
  const { log, sequence } = add(0, 330, 1);
  clock.advance(1000);
  assert.equal(sequence.cachedTokens, 320);
  assert.equal(log.tokensAt[0]! - startedAt, 30);
  assert.equal(engine.statistics.prefixHits, 320);
  assert.equal(engine.statistics.prefixQueries, 650);
});

test("at most maxNumSeqs run, and waiting sequences are admitted in order", () => {
  const { clock, engine, add } = setUp();
  const logs = Array.from(
    { length: 6 },
    (_, index) => add(index * 100, 10, 3).log,
  );
  clock.advance(60);
  assert.deepEqual([engine.running, engine.waiting], [4, 2]);
  clock.advance(1000);
  assert.deepEqual([engine.running, engine.waiting], [0, 0]);
  assert.ok(logs[4]!.tokensAt[0]! >= logs[0]!.tokensAt[2]!);
});

test("no block stays in use after all sequences have ended", () => {
  const { clock, engine, add } = setUp();
  const first = add(0, 100, 50);
  const second = add(0, 100, 50);
  const third = add(500, 40, 50);
  clock.advance(300);
  assert.ok(engine.cache.usedBlocks > 0);
  engine.abort(second.sequence);
  engine.abort(second.sequence);
  clock.advance(5000);
  assert.equal(engine.cache.usedBlocks, 0);
  assert.deepEqual(
    [first, second, third].map(({ log }) => log.finished),
    ["stop", "abort", "stop"],
  );
  assert.deepEqual(engine.statistics.success, { stop: 2, length: 0, abort: 1 });
});

test("without free blocks the newest sequence is preempted and finishes later", () => {
  const { clock, engine, add } = setUp({ kvBlocks: 10 });
  const older = add(0, 64, 60).log;
  const newer = add(1000, 64, 60).log;
  clock.advance(60_000);
  assert.ok(engine.preemptions > 0);
  assert.deepEqual([older.finished, newer.finished], ["stop", "stop"]);
  assert.equal(newer.tokensAt.length, 60);
  assert.ok(newer.tokensAt[59]! > older.tokensAt[59]!);
  assert.equal(engine.cache.usedBlocks, 0);
});

test("a hung sequence keeps its place while others continue", () => {
  const { clock, engine, add } = setUp();
  const hung = add(0, 10, 10, { hangAfterTokens: 2 });
  const other = add(100, 10, 10);
  clock.advance(10_000);
  assert.equal(hung.log.tokensAt.length, 2);
  assert.equal(other.log.finished, "stop");
  assert.equal(engine.running, 1);
  engine.abort(hung.sequence);
  assert.equal(engine.running, 0);
  assert.equal(engine.cache.usedBlocks, 0);
  assert.equal(clock.pending, 0);
});

test("a stalled engine reports running requests and generates no token", () => {
  const { clock, engine, add } = setUp();
  engine.setStalled(true);
  const gone = add(0, 10, 2);
  clock.advance(10_000);
  assert.deepEqual([engine.running, engine.statistics.generationTokens], [
    1,
    0,
  ]);
  const { log } = add(100, 10, 2);
  engine.abort(gone.sequence);
  assert.equal(engine.running, 1);
  engine.setStalled(false);
  clock.advance(10_000);
  assert.equal(log.finished, "stop");
});

test("a late timer does not slow the pace", () => {
  const { clock, add } = setUp();
  const { log } = add(0, 20, 5);
  clock.jump(90);
  assert.equal(log.tokensAt.length, 3);
  clock.advance(30);
  assert.deepEqual(log.tokensAt.slice(3), [100, 120]);
});

test("slowdown lengthens every step", () => {
  const { clock, engine, add } = setUp();
  engine.slowdown = 5;
  const { log } = add(0, 10, 2);
  clock.advance(1000);
  assert.deepEqual(log.tokensAt, [150, 250]);
});

test("with metricsAtStepEnd the report changes only at the end of a step", () => {
  const { clock, engine, add } = setUp({ metricsAtStepEnd: true, maxNumBatchedTokens: 50 });
  const { log } = add(0, 100, 2);
  const told = () => {
    const { running, cache, statistics } = engine.report;
    return [running, cache.usedBlocks, statistics.promptTokens, statistics.generationTokens];
  };
  assert.deepEqual(told(), [0, 0, 0, 0]);
  clock.advance(69);
  assert.deepEqual([engine.running, ...told()], [1, 0, 0, 0, 0]);
  clock.advance(1); // half of the prompt is computed now
  assert.deepEqual(told(), [1, 4, 0, 0]);
  clock.advance(69);
  assert.deepEqual(told(), [1, 4, 0, 0]);
  clock.advance(1); // all of it is, which generates the first token
  assert.deepEqual(told(), [1, 7, 100, 1]);
  clock.advance(20);
  assert.deepEqual([log.finished, ...told()], ["stop", 0, 0, 100, 2]);
});

test("with metricsAtStepEnd an engine whose last request was aborted reports none running", () => {
  const { clock, engine, add } = setUp({ metricsAtStepEnd: true });
  const { sequence } = add(0, 10, 100, { hangAfterTokens: 0 });
  add(100, 10, 2);
  clock.advance(1000);
  assert.equal(engine.report.running, 1);
  engine.abort(sequence);
  clock.advance(1000);
  assert.equal(engine.report.running, 0);
});

test("a deaf engine finishes its work, and computes the rest once it hears again", () => {
  const { clock, engine, add } = setUp();
  const before = add(0, 10, 5);
  engine.setDeaf(true);
  const during = add(100, 10, 2);
  const gone = add(200, 10, 2);
  clock.advance(10_000);
  assert.equal(before.log.finished, "stop");
  assert.deepEqual([engine.running, engine.waiting, during.log.tokensAt.length], [0, 0, 0]);
  engine.abort(gone.sequence);
  engine.setDeaf(false);
  clock.advance(10_000);
  assert.deepEqual([during.log.finished, gone.log.tokensAt.length], ["stop", 0]);
});
