import assert from "node:assert/strict";
import { Input } from "../../../src/http/h1/input.ts";

/** An input over a socket on which messages of these sizes arrive, and the number of its reads. */
function arriving(sizes: number[]) {
  let reads = 0;
  const input = new Input({
    read(into) {
      reads++;
      const count = Math.min(into.length, sizes[0] ?? 0);
      if (count === sizes[0]) sizes.shift();
      else sizes[0]! -= count;
      return Promise.resolve(count);
    },
    write: () => Promise.resolve(0),
    closeWrite: () => Promise.resolve(),
    close() {},
  });
  return { input, reads: () => reads };
}

async function takeAll(input: Input, size: number): Promise<void> {
  for (let taken = 0; taken < size;) {
    await input.fill();
    taken += input.take(input.length).length;
  }
}

Deno.test("a kept connection reads each of many short answers at once", async () => {
  const { input, reads } = arriving(Array(20).fill(1100));
  for (let i = 0; i < 20; i++) await takeAll(input, 1100);
  assert.deepEqual(reads(), 21);
});

Deno.test("a row of short reads gives up a large buffer", async () => {
  const { input } = arriving([40_000, ...Array(40).fill(100)]);
  await takeAll(input, 40_000);
  const grown = input.bytes.length;
  for (let i = 0; i < 40; i++) await takeAll(input, 100);
  assert.deepEqual([grown > 16_000, input.bytes.length], [true, 1024]);
});
