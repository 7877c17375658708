import assert from "node:assert/strict";
import { Fields } from "../../../src/http/h1/fields.ts";
import {
  BadResponse,
  type ParsedResponseHead,
  readResponseHead,
  RESPONSE_FAULTS,
} from "../../../src/http/h1/response_head.ts";

const read = (startLine: string, ...pairs: readonly [string, string][]) => {
  const fields = new Fields(pairs);
  const head = readResponseHead({ startLine, fields });
  assert.equal(head.fields, fields);
  const { status, framing, keepsAlive } = head;
  return { status, framing, keepsAlive };
};
const OK = {
  status: 200,
  framing: 2,
  keepsAlive: true,
} satisfies Omit<ParsedResponseHead, "fields">;
const LENGTH = ["content-length", "2"] as [string, string];

for (
  const line of [
    "HTTP/1.1 200 OK",
    "HTTP/1.1 200 ",
    "HTTP/1.1 200",
    "HTTP/1.1 200  two  spaces ",
    "HTTP/1.1 200 na\xefve\t\x85",
    "HTTP/1.1 200 HTTP/1.1 404",
  ]
) {
  Deno.test(`${JSON.stringify(line)} is a status line`, () =>
    assert.deepEqual(read(line, LENGTH), OK));
}

Deno.test("an answer has its status and its framing", () => {
  assert.deepEqual(read("HTTP/1.1 503 x", LENGTH), { ...OK, status: 503 });
  assert.deepEqual(read("HTTP/1.1 999 x", LENGTH), { ...OK, status: 999 });
  assert.deepEqual(read("HTTP/1.1 200 x", ["transfer-encoding", "chunked"]), {
    ...OK,
    framing: "chunked",
  });
  assert.deepEqual(read("HTTP/1.1 204 x"), { ...OK, status: 204, framing: 0 });
  assert.deepEqual(read("HTTP/1.1 304 x", LENGTH), { ...OK, status: 304, framing: 0 });
  assert.deepEqual(read("HTTP/1.1 100 Continue"), { ...OK, status: 100, framing: 0 });
  assert.deepEqual(read("HTTP/1.1 103 x", ["content-length", "0"]), {
    ...OK,
    status: 103,
    framing: 0,
  });
});

Deno.test("a connection is used again only if the answer's end is seen, and nobody says close", () => {
  assert.equal(read("HTTP/1.1 200 x").keepsAlive, false);
  assert.equal(read("HTTP/1.1 200 x", ["connection", "keep-alive"]).keepsAlive, false);
  assert.equal(read("HTTP/1.1 200 x", LENGTH, ["connection", "close"]).keepsAlive, false);
  assert.equal(read("HTTP/1.0 200 x", LENGTH).keepsAlive, false);
  assert.equal(read("HTTP/1.0 200 x", LENGTH, ["connection", "keep-alive"]).keepsAlive, true);
});

for (
  const line of [
    "",
    "HTTP/1.1",
    "HTTP/1.1 ",
    "HTTP/1.1 20",
    "HTTP/1.1 2000",
    "HTTP/1.1 0200",
    "HTTP/1.1 099 x",
    "HTTP/1.1 -20 x",
    "HTTP/1.1 2x0 x",
    "HTTP/1.1  200 OK",
    "HTTP/1.1\t200 OK",
    "HTTP/1.1 200\tOK",
    " HTTP/1.1 200 OK",
    "http/1.1 200 OK",
    "HTTP/1.2 200 OK",
    "HTTP/2.0 200 OK",
    "HTTP/2 200 OK",
    "HTTP/1.10 200 OK",
    "HTTP/11 200 OK",
    "ICY 200 OK",
    "GET / HTTP/1.1",
    "SSH-2.0-OpenSSH_9.6",
  ]
) {
  Deno.test(`${JSON.stringify(line)} is no status line`, () => {
    assert.throws(() => read(line), BadResponse);
  });
}

for (
  const [message, line, pairs] of [
    ["the answer's content-length is not one number", "200", [["content-length", "2, 2"]]],
    ["the answer's content-length is not one number", "200", [LENGTH, LENGTH]],
    ["the answer has a transfer coding besides chunked", "200", [["transfer-encoding", "gzip"]]],
    ["the answer has both a content-length and a transfer-encoding", "200", [
      LENGTH,
      ["transfer-encoding", "chunked"],
    ]],
    ["an interim answer declares a body", "100", [LENGTH]],
    ["an interim answer declares a body", "103", [["transfer-encoding", "chunked"]]],
  ] as readonly (readonly [string, string, [string, string][]])[]
) {
  Deno.test(`a ${line} with ${JSON.stringify(pairs)} is refused: ${message}`, () => {
    assert.throws(() => read(`HTTP/1.1 ${line} x`, ...pairs), { name: "BadResponse", message });
  });
}

Deno.test("each fault of a head has a text for the log", () => {
  for (const text of Object.values(RESPONSE_FAULTS)) assert.match(text, /^(the|a) [^.]+$/);
});
