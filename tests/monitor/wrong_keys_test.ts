import assert from "node:assert/strict";
import { createWrongKeys } from "../../src/monitor/wrong_keys.ts";
import { until } from "../support/until.ts";

function counting(intervalMs?: number) {
  const told: [string, number][] = [];
  const keys = createWrongKeys({
    report: (...what) => void told.push(what),
    ...(intervalMs !== undefined && { intervalMs }),
  });
  return { ...keys, told };
}

Deno.test("an address is reported at its first wrong key, and further ones when it stops", () => {
  const { add, stop, told } = counting();
  for (let i = 0; i < 10_000; i++) add("192.0.2.1");
  add("192.0.2.2");
  assert.deepEqual(told, [["192.0.2.1", 1], ["192.0.2.2", 1]]);
  stop();
  assert.deepEqual(told.slice(2), [["192.0.2.1", 9_999]]);
});

Deno.test("further wrong keys are reported once per interval, until there are none", async () => {
  const { add, stop, told } = counting(20);
  for (let i = 0; i < 5; i++) add("a");
  await until("they are told", () => told.length === 2);
  add("a");
  await until("the next one, too", () => told.length === 3);
  assert.deepEqual(told, [["a", 1], ["a", 4], ["a", 1]]);
  stop();
  assert.equal(told.length, 3);
});

Deno.test("more than a thousand addresses are counted as one", () => {
  const { add, stop, told } = counting();
  for (let i = 0; i < 3_000; i++) add(`address ${i}`);
  assert.equal(told.length, 1_001);
  stop();
  assert.deepEqual(told.at(-1), ["other addresses", 1_999]);
});
