import assert from "node:assert/strict";
import fc from "fast-check";
import { createMinute } from "../../src/monitor/minute.ts";

Deno.test("a minute sums what was added within it, to a twelfth", () => {
  const step = fc.record({ afterMs: fc.nat(40_000), amount: fc.nat(100) });
  fc.assert(fc.property(fc.array(step), fc.nat(1e6), (steps, start) => {
    let now = start;
    const minute = createMinute(() => now);
    const added: { readonly at: number; readonly amount: number }[] = [];
    for (const { afterMs, amount } of steps) {
      now += afterMs;
      minute.add(amount);
      added.push({ at: now, amount });
      const since = (ms: number) =>
        added.filter(({ at }) => at > now - ms).reduce((sum, { amount }) => sum + amount, 0);
      const total = minute.total();
      assert.ok(total >= since(55_000) && total <= since(60_000 + 1));
    }
  }));
});

Deno.test("a steady rate is told as it is, at any time", () => {
  let now = 0;
  const minute = createMinute(() => now);
  for (; now < 300_000; now += 100) {
    minute.add(10);
    const rate = minute.perSecond();
    if (now >= 60_000) assert.ok(Math.abs(rate - 100) < 0.2, `${rate} per second at ${now} ms`);
  }
});

Deno.test("a clock that is set back counts on", () => {
  let now = 60_000;
  const minute = createMinute(() => now);
  minute.add(1);
  now = 0;
  minute.add(1);
  assert.equal(minute.total(), 2);
});
