import assert from "node:assert/strict";
import fc from "fast-check";
import { MOST_LINE_BYTES } from "../../src/peers/words.ts";
import { readLines } from "../../src/peers/lines.ts";
import { numRuns } from "../support/property.ts";

const encoder = new TextEncoder();

/** A stream of these pieces, which then ends. */
function streamOf(pieces: Iterable<Uint8Array>): ReadableStream<Uint8Array> {
  return ReadableStream.from(pieces);
}

/** Cuts bytes at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length]
    .toSorted((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.slice(at[i], end));
}

Deno.test("lines are the same however the bytes are cut, and what has no end is none", async () => {
  const line = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\n"));
  await fc.assert(
    fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (written, places) => {
      const bytes = encoder.encode([...written, "open"].join("\n"));
      const lines = readLines(streamOf(cut(bytes, places)));
      const read: string[] = [];
      for (let next; (next = await lines.next()) !== undefined;) read.push(next);
      assert.deepEqual(read, written);
    }),
    { numRuns: numRuns / 10 },
  );
});

Deno.test("many lines may come at once", async () => {
  const count = 500_000;
  const lines = readLines(streamOf([new Uint8Array(count).fill(10)]));
  let read = 0;
  while (await lines.next() !== undefined) read++;
  assert.equal(read, count);
});

Deno.test("a line that is too long ends the reading", async () => {
  const piece = new Uint8Array(1 << 16).fill(120);
  let read = 0;
  function* endless() {
    for (;;) {
      read += piece.length;
      yield piece;
    }
  }
  const lines = readLines(streamOf(endless()));
  assert.equal(await lines.next(), undefined);
  lines.cancel();
  assert.ok(read < 2 * MOST_LINE_BYTES, `${read} bytes`);
});

Deno.test("a sender that never stops leaves others their turn", async () => {
  function* endless() {
    for (;;) yield encoder.encode("[]\n");
  }
  const lines = readLines(streamOf(endless()));
  let isTurn = false;
  const timer = setTimeout(() => void (isTurn = true));
  let count = 0;
  while (!isTurn && count < 10_000) {
    await lines.next();
    count++;
  }
  clearTimeout(timer);
  await lines.next();
  lines.cancel();
  assert.equal(await lines.next(), undefined);
  assert.ok(isTurn, `nothing else had a turn within ${count} lines`);
});

Deno.test("a reading that is cancelled while it waits for a line ends", async () => {
  const lines = readLines(new ReadableStream());
  const next = lines.next();
  lines.cancel();
  assert.equal(await next, undefined);
});
