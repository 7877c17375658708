import assert from "node:assert/strict";
import { readHead } from "../../../src/http/h1/fields.ts";
import {
  type HeadFault,
  isTchar,
  isValueByte,
  newHeadScan,
  scanHead,
} from "../../../src/http/h1/head_scan.ts";
import { bytesOf } from "./parse_message.ts";

const LIMITS = { maxBytes: 200, maxFields: 5 };

/** Scans a text that arrives at once, and reads the head. */
function scanned(text: string) {
  const bytes = bytesOf(text);
  const scan = newHeadScan();
  const result = scanHead(scan, bytes, 0, bytes.length, LIMITS);
  if (result !== true) return result;
  const { startLine, fields } = readHead(scan, bytes, 0);
  return { startLine, fields: [...fields], length: scan.at };
}

for (
  const [what, text, startLine, fields] of [
    ["no fields", "line\r\n\r\n", "line", []],
    ["a field", "line\r\na: b\r\n\r\n", "line", [["a", "b"]]],
    ["a name in capitals", "line\r\nX-Ab: Cd\r\n\r\n", "line", [["x-ab", "Cd"]]],
    ["no space after the colon", "line\r\na:b\r\n\r\n", "line", [["a", "b"]]],
    ["spaces around a value", "line\r\na: \t b c  \r\n\r\n", "line", [["a", "b c"]]],
    ["a tab within a value", "line\r\na: b\tc\r\n\r\n", "line", [["a", "b\tc"]]],
    ["an empty value", "line\r\na:\r\nb: x\r\n\r\n", "line", [["a", ""], ["b", "x"]]],
    ["a value of spaces and tabs", "line\r\na: \t \r\n\r\n", "line", [["a", ""]]],
    ["colons in a value", "line\r\na: b:c: d\r\n\r\n", "line", [["a", "b:c: d"]]],
    ["obs-text", "l\xefne\r\na: \x80\xff\r\n\r\n", "l\xefne", [["a", "\x80\xff"]]],
    ["a repeated name", "line\r\na: 1\r\nA: 2\r\n\r\n", "line", [["a", "1"], ["a", "2"]]],
    ["spaces in the start line", " li\tne \r\n\r\n", " li\tne ", []],
    ["an empty start line", "\r\na: b\r\n\r\n", "", [["a", "b"]]],
    ["every character of a token", "l\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", "l", [
      ["!#$%&'*+-.^_`|~09azaz", "x"],
    ]],
  ] as const
) {
  Deno.test(`a head with ${what} is scanned, and what follows is left`, () => {
    assert.deepEqual(scanned(`${text}rest`), { startLine, fields, length: text.length });
  });
}

/** Each text ends with the byte for which it is refused. */
const REFUSED: Partial<Record<HeadFault, readonly string[]>> = {
  bad_start_line: ["li\0", "\x01", "li\x7f", "li\v"],
  bad_line_end: [
    ...["line\n", "\n", "line\rx", "line\r\r", "line\r\n\n", "line\r\n\rx"],
    ...["line\r\na: b\n", "line\r\na: b\rx", "line\r\na:\n", "line\r\na: b\r\n\r\r"],
  ],
  folded_line: ["line\r\n ", "line\r\n\t", "line\r\na: b\r\n ", "line\r\na: b\r\n\t"],
  bad_field_name: [
    ...["line\r\n:", "line\r\na ", "line\r\na\t", "line\r\na\r", "line\r\na\n", "line\r\n\0"],
    ...["line\r\na\xe9", "line\r\n\xa0", "line\r\n(", 'line\r\n"'],
  ],
  bad_field_value: [
    ...["line\r\na: \0", "line\r\na: b\x7f", "line\r\na: \x1b", "line\r\na:\v"],
    ...["line\r\na: b\t\r", "line\r\na: b \t  \r"],
  ],
  too_many_fields: [`line\r\n${"a: b\r\n".repeat(5)}c`],
  too_long: ["l".repeat(200), `line\r\na: ${"b".repeat(191)}`],
};
for (const [fault, texts] of Object.entries(REFUSED)) {
  for (const text of texts) {
    Deno.test(`a head is refused for ${fault}, at once: ${JSON.stringify(text.slice(-20))}`, () => {
      assert.equal(scanned(text.slice(0, -1)), false);
      assert.equal(scanned(text), fault);
    });
  }
}

Deno.test("each byte has the class that the grammar gives it", () => {
  for (let byte = 0; byte < 256; byte++) {
    const text = String.fromCharCode(byte);
    assert.equal(isTchar(byte), /^[\w!#$%&'*+.^`|~-]$/.test(text), text);
    assert.equal(isValueByte(byte), /^[\t -~\x80-\xff]$/.test(text), text);
  }
});

/** Whether a head is accepted, or why not. */
const accepts = (text: string) => {
  const result = scanned(text);
  return typeof result === "object" || result;
};

Deno.test("a head of exactly the largest size is accepted, one byte more is not", () => {
  const head = (size: number) => `l\r\na: ${"b".repeat(size - 10)}\r\n\r\n`;
  assert.equal(head(200).length, 200);
  assert.equal(accepts(head(200)), true);
  assert.equal(accepts(head(201)), "too_long");
  // What follows the head does not count.
  assert.equal(accepts(`${head(200)}${"x".repeat(500)}`), true);
});

Deno.test("a head with exactly the largest number of fields is accepted", () => {
  assert.equal(accepts(`l\r\n${"a: b\r\n".repeat(5)}\r\n`), true);
  assert.equal(accepts(`l\r\n${"a: b\r\n".repeat(6)}\r\n`), "too_many_fields");
});

Deno.test("a head may start anywhere, and move between two calls", () => {
  const head = "line\r\nname: value\r\n\r\n";
  for (let cut = 0; cut < head.length; cut++) {
    const scan = newHeadScan();
    assert.equal(scanHead(scan, bytesOf(`before${head.slice(0, cut)}`), 6, 6 + cut, LIMITS), false);
    // The buffer was shrunk.
    const bytes = bytesOf(`${head}after`);
    assert.equal(scanHead(scan, bytes, 0, bytes.length, LIMITS), true);
    assert.equal(scan.at, head.length);
    const { startLine, fields } = readHead(scan, bytes, 0);
    assert.equal(startLine, "line");
    assert.deepEqual([...fields], [["name", "value"]]);
  }
});

Deno.test("bytes beyond those that have arrived are not looked at", () => {
  const bytes = bytesOf("line\r\n\0\0\0\0");
  assert.equal(scanHead(newHeadScan(), bytes, 0, 6, LIMITS), false);
});

Deno.test("each byte is looked at a bounded number of times, however often more arrives", () => {
  const bytes = bytesOf(`line\r\na: ${"b c".repeat(10_000)}\r\n${"d: e\r\n".repeat(5_000)}\r\n`);
  let looks = 0;
  const counting = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) looks++;
      return Reflect.get(target, key);
    },
  });
  const limits = { maxBytes: bytes.length, maxFields: 5_001 };
  const scan = newHeadScan();
  for (let to = 1; to < bytes.length; to++) {
    assert.equal(scanHead(scan, counting, 0, to, limits), false);
  }
  assert.equal(scanHead(scan, counting, 0, bytes.length, limits), true);
  assert.equal(scan.at, bytes.length);
  // For the class of a byte, whether it is a space, and which one ended a run.
  assert.ok(looks <= 5 * bytes.length, `${looks} looks at ${bytes.length} bytes`);
});
