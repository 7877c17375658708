import assert from "node:assert/strict";
import { createTokenBudgets } from "../../src/auth/token_limits.ts";
import type { ApiKey } from "../../src/config/config.ts";
import { keyOf } from "../support/access.ts";

const DAY_MS = 24 * 60 * 60_000;

function budgetsOf(...keys: ApiKey[]) {
  const state = { now: 1_000_000, access: { keys } as { keys: ApiKey[] } };
  return { ...createTokenBudgets(() => state.access, () => state.now), state };
}

Deno.test("a request without limits reserves nothing", () => {
  const { reserve, limitsOf } = budgetsOf();
  assert.equal(limitsOf(keyOf("k")), "none");
  assert.equal(limitsOf(undefined), "none");
  assert.equal(reserve(keyOf("k"), "m", 10), undefined);
});

Deno.test("tokens are reserved under all limits or none; the quota is that with the fewest left", () => {
  const key = keyOf("k", { tokensPerMinute: 100, tokensPerDay: 150 });
  const { reserve, state } = budgetsOf(key);
  const first = reserve(key, "m", 100)!;
  assert.equal(first.denied, undefined);
  assert.deepEqual([first.quota.limit, first.quota.left], [100, 0]);
  state.now += 61_000;
  const second = reserve(key, "m", 60)!;
  assert.equal(second.denied!.limit.name, "tokens_per_day");
  assert.equal(second.denied!.left, 50);
  assert.ok(second.denied!.waitMs > DAY_MS - 100_000 && second.denied!.waitMs <= DAY_MS * 1.01);
  assert.equal(reserve(key, "m", 50)!.denied, undefined, "the minute was not charged");
});

Deno.test("a settlement counts once, in place of what was reserved", () => {
  const key = keyOf("k", { tokensPerMinute: 100 });
  const { reserve, shareOf } = budgetsOf(key);
  const { settle } = reserve(key, "m", 90)!;
  assert.equal(shareOf(key), 0.9);
  settle(30);
  settle(0);
  assert.equal(shareOf(key), 0.3);
  // An answer may use more than was expected of it: the next requests wait.
  reserve(key, "m", 10)!.settle(120);
  assert.equal(shareOf(key), 1.5);
  assert.equal(reserve(key, "m", 1)!.denied!.left, 0);
});

Deno.test("a denied request takes nothing, whatever it is settled with", () => {
  const key = keyOf("k", { tokensPerMinute: 100 });
  const { reserve, shareOf } = budgetsOf(key);
  reserve(key, "m", 101)!.settle(500);
  assert.equal(shareOf(key), 0);
});

Deno.test("a reload keeps what a key has used; that of a removed key is dropped", () => {
  const key = keyOf("k", { tokensPerMinute: 100 });
  const { reserve, state, shareOf } = budgetsOf(key);
  const held = reserve(key, "m", 50)!;
  const larger = keyOf("k", { tokensPerMinute: 200 });
  state.access = { keys: [larger] };
  assert.equal(reserve(larger, "m", 50)!.quota.left, 100);
  state.access = { keys: [] };
  reserve(keyOf("other", { tokensPerDay: 5 }), "m", 1);
  assert.equal(shareOf(larger), 0);
  held.settle(10);
  assert.equal(shareOf(larger), 0);
});
