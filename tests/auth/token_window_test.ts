import assert from "node:assert/strict";
import fc from "fast-check";
import { createTokenWindow } from "../../src/auth/token_window.ts";
import { numRuns } from "../support/property.ts";

const MINUTE_MS = 60_000;
/** The window is counted in 120 slices. */
const SLICE_MS = 500;

Deno.test("tokens count for the window, and up to a slice longer", () => {
  const window = createTokenWindow(MINUTE_MS);
  window.add(10, 100);
  assert.equal(window.used(100 + MINUTE_MS - 1), 10);
  assert.equal(window.used(MINUTE_MS + SLICE_MS), 0);
  assert.equal(window.resetMs(MINUTE_MS + SLICE_MS), 0);
});

Deno.test("the wait is until as much has expired as is needed, and never if it is too much", () => {
  const window = createTokenWindow(MINUTE_MS);
  window.add(60, 0);
  window.add(30, 10_000);
  assert.equal(window.waitMs(100, 10, 10_000), 0);
  assert.equal(window.waitMs(100, 11, 10_000), MINUTE_MS + SLICE_MS - 10_000);
  assert.equal(window.waitMs(100, 71, 10_000), MINUTE_MS + SLICE_MS);
  assert.equal(window.waitMs(100, 101, 10_000), Infinity);
});

Deno.test("a correction counts from when the tokens were added, or from now if those are gone", () => {
  const window = createTokenWindow(MINUTE_MS);
  const slice = window.add(50, 0);
  window.correct(slice, -20, 30_000);
  assert.equal(window.used(30_000), 30);
  const late = 2 * MINUTE_MS;
  window.correct(slice, -10, late);
  assert.equal(window.used(late), 0);
  window.correct(slice, 15, late);
  assert.equal(window.used(late + MINUTE_MS - 1), 15);
});

Deno.test("what is taken in any window is at most the limit", () => {
  const step = fc.record({
    afterMs: fc.nat({ max: 20_000 }),
    tokens: fc.integer({ min: 1, max: 60 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const window = createTokenWindow(MINUTE_MS);
      const taken: { at: number; tokens: number }[] = [];
      let now = 0;
      for (const { afterMs, tokens } of steps) {
        now += afterMs;
        now += window.waitMs(100, tokens, now);
        assert.equal(window.waitMs(100, tokens, now), 0);
        window.add(tokens, now);
        taken.push({ at: now, tokens });
        const recent = taken.filter(({ at }) => at > now - MINUTE_MS);
        assert.ok(recent.reduce((sum, { tokens }) => sum + tokens, 0) <= 100);
      }
    }),
    { numRuns },
  );
});
