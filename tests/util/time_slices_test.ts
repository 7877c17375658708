import assert from "node:assert/strict";
import { inTimeSlices, nextTimeSlice } from "../../src/util/time_slices.ts";
import type { Walk } from "../../src/util/walk.ts";

/** A walk that keeps the CPU busy for `sliceMs` between two points where it can be interrupted. */
function* busy(slices: number, sliceMs: number): Walk<number> {
  for (let i = 0; i < slices; i++) {
    for (const startedAt = performance.now(); performance.now() - startedAt < sliceMs;);
    yield;
  }
  return slices;
}

/** Returns the number of iterations of the event loop while `work` runs. */
async function roundsDuring(work: () => Promise<unknown>): Promise<number> {
  let rounds = 0;
  let done = false;
  const counting = (async () => {
    for (; !done; rounds++) await new Promise((resolve) => setTimeout(resolve));
  })();
  await work();
  done = true;
  await counting;
  return rounds;
}

Deno.test("a walk that never yields finishes without an iteration of the event loop", async () => {
  let rounds = 0;
  const timer = setTimeout(() => rounds++);
  assert.equal(await inTimeSlices(busy(0, 0)), 0);
  assert.equal(rounds, 0);
  clearTimeout(timer);
});

Deno.test("a long walk lets the event loop run", async () => {
  const rounds = await roundsDuring(async () =>
    assert.equal(await inTimeSlices(busy(300, 1)), 300)
  );
  // A turn lasts 5 ms: no more than five slices, however slow the machine is.
  assert.ok(rounds > 40, `${rounds} rounds`);
});

Deno.test("only one of many long walks runs per iteration of the event loop", async () => {
  const rounds = await roundsDuring(() =>
    Promise.all(Array.from({ length: 20 }, () => inTimeSlices(busy(3, 6))))
  );
  // Each walk pauses three times. If all ran in every iteration, there would be few iterations.
  assert.ok(rounds > 40, `${rounds} rounds`);
});

Deno.test("a turn can be made shorter", async () => {
  const rounds = await roundsDuring(async () => {
    let startedAt = performance.now();
    for (const _ of busy(40, 1)) startedAt = await nextTimeSlice(startedAt, 0.5);
  });
  // One per millisecond, where usual turns would make eight.
  assert.ok(rounds >= 30, `${rounds} rounds`);
});
