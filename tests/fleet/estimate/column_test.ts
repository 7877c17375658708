import assert from "node:assert/strict";
import { createColumn } from "../../../src/fleet/estimate/column.ts";

Deno.test("a set value is returned, and 0 everywhere else", () => {
  const column = createColumn();
  assert.equal(column.get(1_000_000), 0);
  const numbers = [[0, 7], [16_383, -1], [16_384, 2 ** 31 - 1], [100_000, -(2 ** 31)]] as const;
  for (const [at, value] of numbers) column.set(at, value);
  for (const [at, value] of numbers) assert.equal(column.get(at), value);
  assert.deepEqual([1, 16_385, 99_999, 100_001, 1_000_000].map((at) => column.get(at)), [
    0,
    0,
    0,
    0,
    0,
  ]);
});
