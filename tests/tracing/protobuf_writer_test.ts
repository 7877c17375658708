import assert from "node:assert/strict";
import { ProtobufWriter } from "../../src/tracing/protobuf_writer.ts";

/** The size of the writer's first buffer. */
const FIRST_BYTES = 16 * 1024;

/** Returns the last bytes, in hexadecimal digits, if so many stand before them. */
function afterBytes(before: number, write: (to: ProtobufWriter) => void): string {
  const to = new ProtobufWriter();
  to.count(1, before % 2 === 0 ? 1 : 128);
  while (to.bytes().length < before) to.count(1, 1);
  write(to);
  return to.bytes().subarray(before).toHex();
}

Deno.test("a short field at the end of a full buffer is kept as the buffer grows", () => {
  for (let before = FIRST_BYTES - 30; before <= FIRST_BYTES; before++) {
    const id = afterBytes(before, (to) => to.hex(2, "0102030405060708"));
    assert.equal(id, "12080102030405060708", `after ${before} bytes`);
    const text = afterBytes(before, (to) => to.text(2, "ab"));
    assert.equal(text, "12026162", `after ${before} bytes`);
  }
});
