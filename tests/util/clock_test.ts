import assert from "node:assert/strict";
import { monotonicMs, wallTimeMs } from "../../src/util/clock.ts";

/** Shifts the wall clock by this many milliseconds until it is disposed. */
function wallClockOff(byMs: number): Disposable {
  const { now } = Date;
  Date.now = () => now() + byMs;
  return { [Symbol.dispose]: () => void (Date.now = now) };
}

/** Reads the wall clock between two readings of the monotonic one: the machine may pause anywhere. */
const readClocks = () => [monotonicMs(), Date.now(), monotonicMs()] as const;

Deno.test("the monotonic clock advances at the rate of the wall clock", async () => {
  const [earliest, from, latest] = readClocks();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [before, to, after] = readClocks();
  assert.ok(after - earliest >= 45, `${after - earliest} ms`);
  const passed = to - from;
  assert.ok(before - latest < passed + 20, `at least ${before - latest} ms in ${passed} ms`);
  assert.ok(after - earliest > passed - 20, `at most ${after - earliest} ms in ${passed} ms`);
});

Deno.test("a step of the wall clock doesn't move the monotonic clock", () => {
  for (const byMs of [-3_600_000, 3_600_000]) {
    const before = monotonicMs();
    using _ = wallClockOff(byMs);
    const passed = monotonicMs() - before;
    assert.ok(passed >= 0 && passed < 60_000, `${passed} ms`);
  }
});

Deno.test("a monotonic time is converted with the current wall clock", () => {
  const from = Date.now();
  const at = monotonicMs();
  const to = Date.now();
  const isAt = (time: number, offMs: number) => time > from + offMs - 20 && time < to + offMs + 20;
  assert.ok(isAt(wallTimeMs(at), 0));
  assert.ok(isAt(wallTimeMs(at - 5_000), -5_000));
  using _ = wallClockOff(3_600_000);
  assert.ok(isAt(wallTimeMs(at), 3_600_000));
});
