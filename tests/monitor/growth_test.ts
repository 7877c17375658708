import assert from "node:assert/strict";
import { createGrowth } from "../../src/monitor/growth.ts";

function growing(windowMs = 5_000) {
  let now = 0;
  const growth = createGrowth(windowMs, () => now);
  return {
    growth,
    record(at: number, counter: number | undefined) {
      now = at;
      growth.record(counter);
    },
  };
}

Deno.test("growth is unknown before there are two values", () => {
  const { growth, record } = growing();
  assert.deepEqual([growth.total(), growth.perSecond()], [null, null]);
  record(0, 100);
  assert.deepEqual([growth.total(), growth.perSecond()], [null, null]);
});

Deno.test("growth counts from the first value, whatever it is", () => {
  const { growth, record } = growing();
  record(0, 1_000);
  record(500, 1_010);
  assert.deepEqual([growth.total(), growth.perSecond()], [10, 20]);
  record(1_000, 1_010);
  assert.deepEqual([growth.total(), growth.perSecond()], [10, 10]);
});

Deno.test("growth before the window no longer counts", () => {
  const { growth, record } = growing();
  record(0, 0);
  record(1_000, 500);
  for (let at = 2_000; at <= 6_000; at += 1_000) record(at, 500);
  assert.equal(growth.total(), 0);
});

Deno.test("the points span the window when values are rare", () => {
  const { growth, record } = growing(1_000);
  record(0, 0);
  record(10_000, 50);
  assert.deepEqual([growth.total(), growth.perSecond()], [50, 5]);
  record(20_000, 60);
  assert.deepEqual([growth.total(), growth.perSecond()], [10, 1]);
});

Deno.test("a falling counter was reset: growth starts anew and is never negative", () => {
  const { growth, record } = growing();
  record(0, 1_000);
  record(1_000, 1_100);
  record(2_000, 5);
  assert.deepEqual([growth.total(), growth.perSecond()], [null, null]);
  record(3_000, 15);
  assert.deepEqual([growth.total(), growth.perSecond()], [10, 10]);
});

Deno.test("a missing counter is unknown, and starts anew when it is back", () => {
  const { growth, record } = growing();
  record(0, 1_000);
  record(1_000, 1_100);
  record(2_000, undefined);
  assert.deepEqual([growth.total(), growth.perSecond()], [null, null]);
  record(3_000, 2_000);
  assert.equal(growth.total(), null);
  record(4_000, 2_001);
  assert.equal(growth.total(), 1);
});

Deno.test("two values at the same moment have no rate", () => {
  const { growth, record } = growing();
  record(0, 0);
  record(0, 10);
  const perSecond = growth.perSecond();
  assert.ok(perSecond === null || Number.isFinite(perSecond), `${perSecond}`);
});
