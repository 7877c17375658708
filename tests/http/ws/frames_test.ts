import assert from "node:assert/strict";
import fc from "fast-check";
import * as frames from "../../../src/http/ws/frames.ts";

Deno.test("a frame reads as it was built, in however many pieces it comes", () => {
  fc.assert(fc.property(
    fc.constantFrom(frames.TEXT, frames.BINARY, frames.CONTINUATION),
    fc.boolean(),
    fc.constantFrom(0, 1, 125, 126, 127, 65_535, 65_536, 70_000),
    fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined }),
    (opcode, isLast, length, mask) => {
      const payload = Uint8Array.from({ length }, (_, i) => i);
      const bytes = frames.frameBytes(opcode, isLast, payload, mask);
      const size = bytes.length - length;
      for (let to = 0; to < size; to++) {
        assert.equal(frames.readFrameHead(bytes, 0, to, mask !== undefined), undefined);
      }
      const head = frames.readFrameHead(bytes, 0, size, mask !== undefined);
      assert.deepEqual(head, { opcode, isLast, length, size });
      const read = bytes.slice(size);
      if (mask) frames.applyMask(read, mask, 0);
      assert.deepEqual(read, payload);
    },
  ));
});

Deno.test("a mask comes off in pieces", () => {
  const mask = new Uint8Array([1, 2, 3, 4]);
  const whole = Uint8Array.from({ length: 11 }, (_, i) => i);
  const masked = whole.slice();
  frames.applyMask(masked, mask, 0);
  for (const [from, to] of [[0, 3], [3, 8], [8, 11]] as const) {
    frames.applyMask(masked.subarray(from, to), mask, from);
  }
  assert.deepEqual(masked, whole);
});

Deno.test("a length that is not in its shortest form is refused, and so is one beyond 2^53", () => {
  for (
    const bytes of [
      [0x82, 126, 0, 125],
      [0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff],
      [0x82, 127, 0, 0x20, 0, 0, 0, 0, 0, 0],
    ]
  ) {
    const head = frames.readFrameHead(new Uint8Array(bytes), 0, bytes.length, false);
    assert.ok(head && "code" in head && head.code === 1002, bytes.join());
  }
});

Deno.test("a close reads as it was built; codes that may not be sent are refused", () => {
  for (
    const close of [{ code: undefined, reason: "" }, { code: 1000, reason: "" }, {
      code: 4999,
      reason: "é",
    }]
  ) {
    assert.deepEqual(frames.readClose(frames.closePayload(close)), close);
  }
  for (const code of [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]) {
    assert.ok("fault" in frames.readClose(frames.closePayload({ code, reason: "" })), String(code));
  }
  assert.ok("fault" in frames.readClose(new Uint8Array([3])));
  assert.ok("fault" in frames.readClose(new Uint8Array([3, 0xe8, 0xff])));
});
