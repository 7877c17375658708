import assert from "node:assert/strict";
import { latin1, writeLatin1 } from "../../../src/http/h1/latin1.ts";

const BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);
const TEXT = String.fromCharCode(...BYTES);

Deno.test("each byte is the character of its number", () => {
  assert.equal(latin1(BYTES, 0, 256), TEXT);
  assert.equal(latin1(BYTES, 65, 68), "ABC");
  assert.equal(latin1(BYTES, 9, 9), "");
});

Deno.test("a view of a larger buffer is read and written within its bounds", () => {
  const view = BYTES.slice().subarray(100, 110);
  assert.equal(latin1(view, 1, 3), "ef");
  assert.equal(writeLatin1(view, "\xff!", 8), 2);
  assert.equal(latin1(view, 7, 10), "k\xff!");
});

Deno.test("each character is written as one byte, from an offset on", () => {
  const bytes = new Uint8Array(258);
  assert.equal(writeLatin1(bytes, TEXT, 1), 256);
  assert.deepEqual(bytes.subarray(1, 257), BYTES);
  assert.deepEqual([bytes[0], bytes[257]], [0, 0]);
});

Deno.test("a text that does not fit is an error, and nothing is written", () => {
  const bytes = new Uint8Array(4);
  assert.throws(() => writeLatin1(bytes, "abc", 2), RangeError);
  assert.deepEqual(bytes, new Uint8Array(4));
});
