import assert from "node:assert/strict";
import { Fields } from "../../../src/http/h1/fields.ts";
import { keepsAlive, requestFraming, responseFraming } from "../../../src/http/h1/framing.ts";

const fieldsOf = (...lines: readonly string[]) =>
  new Fields(lines.map((line): [string, string] => {
    const colon = line.indexOf(": ");
    return [line.slice(0, colon), line.slice(colon + 2)];
  }));

const FRAMED = [
  [["content-length: 0"], 0],
  [["content-length: 5"], 5],
  [["content-length: 005"], 5],
  [["content-length: 999999999999999"], 999_999_999_999_999],
  [["transfer-encoding: chunked"], "chunked"],
  [["transfer-encoding: CHUNKED"], "chunked"],
  [["content-length: 5", "content-length: 5"], "bad_length"],
  [["content-length: 5", "content-length: 6"], "bad_length"],
  ...[
    "",
    "5, 5",
    "5,5",
    "+5",
    "-5",
    "0x5",
    "5.0",
    "5e1",
    "5 5",
    "\xb2",
    "1000000000000000",
    "5\xa0",
  ]
    .map((value) => [[`content-length: ${value}`], "bad_length"] as const),
  [["transfer-encoding: chunked", "transfer-encoding: chunked"], "bad_coding"],
  ...["", "gzip", "identity", "gzip, chunked", "chunked, chunked", "chunked,", "chunked;q=1"]
    .map((value) => [[`transfer-encoding: ${value}`], "bad_coding"] as const),
  [["content-length: 5", "transfer-encoding: chunked"], "two_framings"],
  [["transfer-encoding: chunked", "content-length: 0"], "two_framings"],
] as const;
for (const [lines, framing] of FRAMED) {
  Deno.test(`a message with ${JSON.stringify(lines)} is framed by ${framing}`, () => {
    assert.equal(requestFraming(fieldsOf(...lines), 1), framing);
    assert.equal(responseFraming(fieldsOf(...lines), 1, 200), framing);
  });
}

Deno.test("a request without either has no body, an answer's lasts until the close", () => {
  for (const minor of [0, 1] as const) {
    assert.equal(requestFraming(fieldsOf("host: a"), minor), 0);
    assert.equal(responseFraming(fieldsOf("server: a"), minor, 200), "until_close");
  }
});

Deno.test("HTTP/1.0 has lengths, but no chunks", () => {
  assert.equal(requestFraming(fieldsOf("content-length: 5"), 0), 5);
  assert.equal(responseFraming(fieldsOf("content-length: 5"), 0, 200), 5);
  assert.equal(requestFraming(fieldsOf("transfer-encoding: chunked"), 0), "bad_coding");
  assert.equal(responseFraming(fieldsOf("transfer-encoding: chunked"), 0, 200), "bad_coding");
});

Deno.test("204 and 304 have no body, whatever they declare; what has no meaning is a fault", () => {
  for (const status of [204, 304]) {
    for (const lines of [[], ["content-length: 5"], ["transfer-encoding: chunked"]]) {
      assert.equal(responseFraming(fieldsOf(...lines), 1, status), 0);
    }
    assert.equal(responseFraming(fieldsOf("content-length: x"), 1, status), "bad_length");
  }
});

Deno.test("an interim answer has no body unless it declares one", () => {
  for (const status of [100, 102, 103, 199]) {
    assert.equal(responseFraming(fieldsOf("link: a"), 1, status), 0);
    assert.equal(responseFraming(fieldsOf("content-length: 5"), 1, status), 5);
    assert.equal(responseFraming(fieldsOf("transfer-encoding: chunked"), 1, status), "chunked");
  }
});

for (
  const [lines, in11, in10] of [
    [[], true, false],
    [["connection: close"], false, false],
    [["connection: Close"], false, false],
    [["connection: keep-alive"], true, true],
    [["connection: Keep-Alive"], true, true],
    [["connection: upgrade"], true, false],
    [["connection: x,\tCLOSE ,y"], false, false],
    [["connection: keep-alive, close"], false, false],
    [["connection: keep-alive", "connection: close"], false, false],
    [["connection: ,, keep-alive ,"], true, true],
    [["connection: closed"], true, false],
    [["connection: close\xa0"], true, false],
    [["connection: keep-alive close"], true, false],
    [["x-connection: close"], true, false],
  ] as const
) {
  const name = JSON.stringify(lines);
  Deno.test(`${name} ${in11 ? "keeps" : "closes"} in 1.1, ${in10 ? "keeps" : "closes"} in 1.0`, () => {
    assert.equal(keepsAlive(fieldsOf(...lines), 1), in11);
    assert.equal(keepsAlive(fieldsOf(...lines), 0), in10);
  });
}
