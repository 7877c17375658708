import assert from "node:assert/strict";
import { inTimeSlices } from "../../src/util/time_slices.ts";
import type { Walk } from "../../src/util/walk.ts";

/** Keeps the processor for so long between two places where it can be interrupted. */
function* busy(slices: number, sliceMs: number): Walk<number> {
  for (let i = 0; i < slices; i++) {
    for (const startedAt = performance.now(); performance.now() - startedAt < sliceMs;);
    yield;
  }
  return slices;
}

/** The longest time between two rounds of the event loop while something is done. */
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

Deno.test("a walk that never could be interrupted comes to its result without a round", async () => {
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

Deno.test("of many long walks one runs in a round", async () => {
  let rounds = 0;
  let done = false;
  const counting = (async () => {
    for (; !done; rounds++) await new Promise((resolve) => setTimeout(resolve));
  })();
  await Promise.all(Array.from({ length: 20 }, () => inTimeSlices(busy(3, 6))));
  done = true;
  await counting;
  // Three pauses each. Were all to run in each round, there would be hardly more rounds than these.
  assert.ok(rounds > 40, `${rounds} rounds`);
});
