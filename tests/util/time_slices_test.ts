import assert from "node:assert/strict";
import { inTimeSlices } from "../../src/util/time_slices.ts";
import type { Walk } from "../../src/util/walk.ts";

/** A walk that keeps the CPU busy for `sliceMs` between two points where it can be interrupted. */
function* busy(slices: number, sliceMs: number): Walk<number> {
  for (let i = 0; i < slices; i++) {
    for (const startedAt = performance.now(); performance.now() - startedAt < sliceMs;);
    yield;
  }
  return slices;
}

/** Returns the longest iteration of the event loop, in milliseconds, while `work` runs. */
async function longestRound(work: () => Promise<unknown>): Promise<number> {
  let done = false;
  let longestMs = 0;
  const watching = (async () => {
    for (let at = performance.now(); !done; at = performance.now()) {
      await new Promise((resolve) => setTimeout(resolve));
      longestMs = Math.max(longestMs, performance.now() - at);
    }
  })();
  await work();
  done = true;
  await watching;
  return longestMs;
}

Deno.test("a walk that never yields finishes without an iteration of the event loop", async () => {
  let rounds = 0;
  const timer = setTimeout(() => rounds++);
  assert.equal(await inTimeSlices(busy(0, 0)), 0);
  assert.equal(rounds, 0);
  clearTimeout(timer);
});

Deno.test("a long walk lets the event loop run", async () => {
  const longestMs = await longestRound(async () =>
    assert.equal(await inTimeSlices(busy(300, 1)), 300)
  );
  assert.ok(longestMs < 100, `${longestMs} ms`);
});

Deno.test("only one of many long walks runs per iteration of the event loop", async () => {
  let rounds = 0;
  let done = false;
  const counting = (async () => {
    for (; !done; rounds++) await new Promise((resolve) => setTimeout(resolve));
  })();
  await Promise.all(Array.from({ length: 20 }, () => inTimeSlices(busy(3, 6))));
  done = true;
  await counting;
  // Each walk pauses three times. If all ran in every iteration, there would be few iterations.
  assert.ok(rounds > 40, `${rounds} rounds`);
});
