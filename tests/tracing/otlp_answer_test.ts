import assert from "node:assert/strict";
import fc from "fast-check";
import { readAnswer } from "../../src/tracing/otlp_answer.ts";
import { numRuns } from "../support/property.ts";

const PROTOBUF = "application/x-protobuf";
const encoder = new TextEncoder();
const nothing = { rejected: 0, message: "" };

/** Written by opentelemetry-proto 1.45.2 and googleapis-common-protos for Python. */
const PARTIAL = Uint8Array.fromBase64("CgwIrAISB3RvbyBvbGQ=");
const STATUS = Uint8Array.fromBase64("CAMSA2JhZA==");

Deno.test("what a collector rejects of an export is read in both encodings", () => {
  const rejected = { rejected: 300, message: "too old" };
  assert.deepEqual(readAnswer(PROTOBUF, PARTIAL, true), rejected);
  const partialSuccess = { rejectedSpans: "300", errorMessage: "too old" };
  const json = encoder.encode(JSON.stringify({ partialSuccess }));
  // Some collectors answer in JSON whatever they are sent.
  assert.deepEqual(readAnswer("application/json", json, true), rejected);
});

Deno.test("a collector's message is read in both encodings, and cut", () => {
  assert.equal(readAnswer(PROTOBUF, STATUS, false).message, "bad");
  assert.equal(readAnswer("text/plain", encoder.encode("bad"), false).message, "bad");
  assert.equal(readAnswer(null, new Uint8Array(1_000).fill(0x61), false).message.length, 200);
});

Deno.test("an answer that says nothing means that all is well", () => {
  for (const type of [PROTOBUF, "application/json", null]) {
    for (const text of ["", "{}", "{", "null", `{"partialSuccess":{"rejectedSpans":-1}}`, "\n\0"]) {
      assert.deepEqual(readAnswer(type, encoder.encode(text), true), nothing, text);
    }
  }
  for (const cut of [1, 3, 5, 8]) readAnswer(PROTOBUF, PARTIAL.subarray(0, cut), true);
});

Deno.test("no answer makes it throw, and it counts whole numbers", () => {
  const byte = fc.oneof(fc.nat(255), fc.constantFrom(0x08, 0x0a, 0x12, 0x80, 0xff));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 40 }), fc.boolean(), (bytes, isOk) => {
      const { rejected, message } = readAnswer(PROTOBUF, new Uint8Array(bytes), isOk);
      assert.ok(Number.isSafeInteger(rejected) && rejected >= 0);
      assert.ok(message.length <= 200);
    }),
    { numRuns },
  );
});
