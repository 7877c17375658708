import assert from "node:assert/strict";
import { monotonicMs, wallTimeMs } from "../../src/util/clock.ts";

/** Shifts the wall clock by this many milliseconds until it is disposed. */
function wallClockOff(byMs: number): Disposable {
  const { now } = Date;
  Date.now = () => now() + byMs;
  return { [Symbol.dispose]: () => void (Date.now = now) };
}

Deno.test("the monotonic clock advances at the rate of the wall clock", async () => {
  const from = [monotonicMs(), Date.now()] as const;
  await new Promise((resolve) => setTimeout(resolve, 50));
  const passed = monotonicMs() - from[0];
  assert.ok(passed >= 45, `${passed} ms`);
  assert.ok(Math.abs(passed - (Date.now() - from[1])) < 20);
});

Deno.test("a step of the wall clock doesn't move the monotonic clock", () => {
  for (const byMs of [-3_600_000, 3_600_000]) {
    const before = monotonicMs();
    using _ = wallClockOff(byMs);
    const passed = monotonicMs() - before;
    assert.ok(passed >= 0 && passed < 1_000, `${passed} ms`);
  }
});

Deno.test("a monotonic time is converted with the current wall clock", () => {
  const before = monotonicMs();
  assert.ok(Math.abs(wallTimeMs(before) - Date.now()) < 20);
  assert.ok(Math.abs(wallTimeMs(before - 5_000) - (Date.now() - 5_000)) < 20);
  using _ = wallClockOff(3_600_000);
  assert.ok(Math.abs(wallTimeMs(before) - Date.now()) < 20);
});
