import assert from "node:assert/strict";
import { readWithLlhttp } from "./fuzz/llhttp.ts";
import { run } from "./fuzz/run.ts";
import { bytesOf } from "./parse_message.ts";

/** Cases of each kind; `deno task fuzz` runs more, with other seeds. */
const COUNT = 20_000;

for (const kind of ["request", "response"] as const) {
  Deno.test(`no ${kind} is accepted that llhttp refuses, or read in another way`, () => {
    const { alike, differences, refusals } = run(kind, 16, 0, COUNT);
    assert.deepEqual(differences, []);
    // The cases are neither all valid nor all broken.
    assert.ok(alike > COUNT / 2, `${alike} alike`);
    assert.ok(refusals.size >= 15, `${refusals.size} reasons`);
  });
}

for (
  const [what, text] of [
    ["a bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n"],
    ["a space before a colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n"],
    ["two framings", "GET / HTTP/1.1\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["two lengths", "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"],
    ["a coding besides chunked", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n\r\n"],
    [
      "a space after a chunk's size",
      "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0 \r\n\r\n",
    ],
  ] as const
) {
  Deno.test(`the llhttp to compare with is strict: it refuses ${what}`, () => {
    const llhttp = readWithLlhttp("request");
    llhttp.feed(bytesOf(text));
    assert.notEqual(llhttp.reading.refused, undefined);
  });
}
