import assert from "node:assert/strict";
import { Fields, readHead } from "../../../src/http/h1/fields.ts";
import { newHeadScan, scanHead } from "../../../src/http/h1/head_scan.ts";
import { bytesOf } from "./parse_message.ts";

const FIELDS = new Fields([["a", "1"], ["b", ""], ["a", "2"], ["c", "x"], ["a", "3"]]);

Deno.test("a field has its value, a repeated one all values in order", () => {
  assert.equal(FIELDS.get("c"), "x");
  assert.equal(FIELDS.get("a"), "1, 2, 3");
  assert.equal(FIELDS.get("b"), "");
  assert.equal(FIELDS.get("d"), null);
});

Deno.test("an empty value is joined like any other", () => {
  assert.equal(new Fields([["a", ""], ["a", "1"], ["a", ""]]).get("a"), ", 1, ");
});

Deno.test("fields are counted, and those that are missing are not there", () => {
  assert.deepEqual(["a", "b", "d"].map((name) => FIELDS.count(name)), [3, 1, 0]);
  assert.deepEqual(["a", "b", "d"].map((name) => FIELDS.has(name)), [true, true, false]);
});

Deno.test("fields are gone over in order, with their repetitions", () => {
  assert.deepEqual([...FIELDS].map(([name]) => name).join(""), "abaca");
  assert.deepEqual([...new Fields([])], []);
});

Deno.test("a head is read from where it starts; values keep their case and their bytes", () => {
  const text = "GET / HTTP/1.1\r\nX-NAME:  Some\tValue \xe9 \r\n\r\n";
  const bytes = bytesOf(`before${text}after`);
  const scan = newHeadScan();
  assert.equal(scanHead(scan, bytes, 6, bytes.length, { maxBytes: 99, maxFields: 9 }), true);
  const { startLine, fields } = readHead(scan, bytes, 6);
  assert.equal(startLine, "GET / HTTP/1.1");
  assert.deepEqual([...fields], [["x-name", "Some\tValue \xe9"]]);
});
