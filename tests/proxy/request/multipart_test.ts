import assert from "node:assert/strict";
import { classify } from "../../../src/proxy/request/classify.ts";
import { boundaryIn, partsOf } from "../../../src/proxy/request/multipart.ts";
import { inTimeSlices } from "../../../src/util/time_slices.ts";
import { runToEnd } from "../../support/run_to_end.ts";
import forms from "./forms.json" with { type: "json" };

/** Encodes a text of characters below U+0100 as one byte each. */
const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/**
 * Forms and how Starlette 1.10.0 with python-multipart 0.0.34, the parser of vLLM, reads them;
 * `null` if it refuses them. They include the spellings with which a key bypassed its list of
 * models, and the shortest of 160,000 mutated forms that Deno's parser reads differently.
 * Forms in the one accepted spelling are marked `accepted`.
 */
Deno.test("every accepted form is read as servers read it, and unusual forms are refused", async (t) => {
  for (const [i, { type, body, servers, accepted }] of forms.entries()) {
    await t.step(`${i}: ${JSON.stringify(body).slice(0, 100)}`, async () => {
      const read = await inTimeSlices(classify(bytesOf(body), type));
      if (!accepted) return assert.equal("status" in read && read.status, 400);
      assert.ok("profile" in read, JSON.stringify(read));
      assert.equal(read.profile.model || null, servers?.model || null);
      assert.equal(read.stream, servers?.stream);
    });
  }
});

function partsIn(text: string, boundary = "B"): [string, string, boolean][] | string {
  const body = bytesOf(text);
  const [parts] = runToEnd(partsOf(body, boundary));
  if (typeof parts === "string") return parts;
  return parts.map(({ name, isFile, value }) => [
    name,
    String.fromCharCode(...body.subarray(...value)),
    isFile,
  ]);
}

const PART = 'Content-Disposition: form-data; name="a"\r\n\r\n';

Deno.test("a form's parts are found with their names and values, including files", () => {
  assert.deepEqual(
    partsIn(
      `--B\r\n${PART}one\r\n--B\r\n` +
        'Content-Disposition: form-data; name="f"; filename="a b.wav"\r\nContent-Type: audio/wav\r\n' +
        "\r\n\r\n--\r\n--A\n--B\r\r\n--B\r\n" +
        `${PART}\r\n--B--\r\n`,
    ),
    [["a", "one", false], ["f", "\r\n--\r\n--A\n--B\r", true], ["a", "", false]],
  );
});

for (
  const [what, text, said] of [
    ["a preamble", `x\r\n--B\r\n${PART}\r\n--B--`, /doesn't begin/],
    ["no part", "--B--", /no part/],
    ["no last boundary", `--B\r\n${PART}\r\n--B\r\n`, /must begin with/],
    ["a value without an end", `--B\r\n${PART}x`, /no last boundary/],
    ["a boundary that goes on", `--B\r\n${PART}\r\n--Bx\r\n--B--`, /something else/],
    ["an epilogue", `--B\r\n${PART}\r\n--B--\r\nx`, /behind the form's last/],
    [
      "a second form",
      `--B\r\n${PART}\r\n--B--\r\n--B\r\n${PART}\r\n--B--`,
      /behind the form's last/,
    ],
    [
      "a head that is long",
      `--B\r\nx: ${"y".repeat(5_000)}\r\n${PART}\r\n--B--`,
      /must begin with/,
    ],
    ["many headers", `--B\r\n${"x: y\r\n".repeat(8)}${PART}\r\n--B--`, /must begin with/],
    ["nothing", "", /doesn't begin/],
  ] as const
) {
  Deno.test(`a form with ${what} is refused with a message`, () => {
    const answer = partsIn(text);
    assert.ok(typeof answer === "string", JSON.stringify(answer));
    assert.match(answer, said);
  });
}

Deno.test("a boundary is read only from the content types that clients send", () => {
  for (
    const [type, boundary] of [
      ["multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW", undefined],
      ["multipart/form-data; boundary=------------------------17fc726e70d2cd4f", undefined],
      ['multipart/form-data; boundary="===============123=="', "===============123=="],
      ["multipart/form-data;charset=UTF-8;boundary=x", "x"],
    ] as const
  ) {
    assert.equal(boundaryIn(type), boundary ?? type.split("boundary=")[1], type);
  }
  for (
    const type of [
      "multipart/form-data",
      "multipart/form-data; boundary=",
      "multipart/form-data; boundary=a b",
      'multipart/form-data; boundary="a',
      "multipart/form-data; boundary=a; boundary=b",
      "multipart/form-data; charset=utf-16; boundary=a",
      `multipart/form-data; boundary=${"a".repeat(71)}`,
      "multipart/mixed; boundary=a",
      "text/plain, multipart/form-data; boundary=a",
    ]
  ) {
    assert.equal(boundaryIn(type), undefined, type);
  }
});

Deno.test("scanning a large file can be interrupted and takes linear time", () => {
  const size = 8 * 1024 * 1024;
  const boundary = "-".repeat(70);
  const almost = `\r\n--${boundary.slice(1)}x`;
  for (const unit of ["x", "\r", "\r\n--", almost]) {
    const text = `--${boundary}\r\n${PART}${unit.repeat(size / unit.length)}\r\n--${boundary}--`;
    const body = new TextEncoder().encode(text);
    const startedAt = performance.now();
    const [parts, pauses] = runToEnd(partsOf(body, boundary));
    assert.ok(Array.isArray(parts), `${parts}`);
    assert.equal(parts.length, 1);
    assert.ok(pauses > 20, `${pauses} pauses`);
    const took = performance.now() - startedAt;
    assert.ok(took < 20_000, `${took} ms`);
  }
});
