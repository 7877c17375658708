import assert from "node:assert/strict";
import { streamsWithin } from "../../../bench/cost/memory.ts";
import { added, DIRECT, quantileOf, ratios, referenceOf } from "../../../bench/cost/statistics.ts";
import { median } from "../../../bench/support/statistics.ts";

Deno.test("a median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
});

Deno.test("a quantile is one of the values, and 0 without values", () => {
  const values = Array.from({ length: 101 }, (_, index) => 100 - index);
  assert.equal(quantileOf(values, 0.5), 50);
  assert.equal(quantileOf(values, 0.99), 99);
  assert.equal(quantileOf([], 0.5), 0);
});

Deno.test("ratios are those of each round", () => {
  const rounds = new Map([["a", [6, 9]], ["nginx", [2, 3]]]);
  assert.deepEqual(ratios(rounds, "a", "nginx"), [3, 3]);
});

Deno.test("there are no ratios to what was not measured or is within noise", () => {
  const rounds = new Map([["a", [6, 9]], ["nginx", [2, -1]]]);
  assert.equal(ratios(rounds, "a", "nginx"), undefined);
  assert.equal(ratios(rounds, "a", "HAProxy"), undefined);
  assert.equal(ratios(rounds, "b", "a"), undefined);
});

Deno.test("the reference is nginx, or else HAProxy", () => {
  assert.equal(referenceOf(new Map([["HAProxy", []], ["nginx", []]])), "nginx");
  assert.equal(referenceOf(new Map([["a", []], ["HAProxy", []]])), "HAProxy");
  assert.equal(referenceOf(new Map([["a", []]])), undefined);
});

Deno.test("what a proxy adds is its value without that of the upstream in the same round", () => {
  const rounds = new Map([[DIRECT, [1, 2]], ["a", [4, 4]]]);
  assert.deepEqual(added(rounds, (value) => value), new Map([["a", [3, 2]]]));
  assert.deepEqual(added(new Map([["a", [4]]]), (value) => value), new Map());
});

Deno.test("a stream takes two descriptors of a proxy, which needs some for itself", () => {
  assert.equal(streamsWithin(1_000, 20_000), 1_000);
  assert.equal(streamsWithin(10_000, 20_000), 9_900);
  assert.equal(streamsWithin(10_000, Infinity), 10_000);
  assert.equal(streamsWithin(1_000, 100), 0);
});
