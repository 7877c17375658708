import assert from "node:assert/strict";
import { Fields } from "../../../src/http/h1/fields.ts";
import {
  HEAD_FAULTS,
  readRequestHead,
  type RequestHead,
} from "../../../src/http/h1/request_head.ts";

type Pairs = readonly (readonly [string, string])[];
const HOST: Pairs = [["host", "a.example"]];

/** Reads a head; its parts without the fields, or the status of the refusal. */
function read(startLine: string, pairs: Pairs = HOST) {
  const fields = new Fields(pairs.map(([name, value]) => [name, value]));
  const head = readRequestHead({ startLine, fields });
  if ("sentence" in head) {
    assert.match(head.sentence, /^[A-Z`].*\.$/);
    return head.status;
  }
  assert.equal(head.fields, fields);
  const { fields: _, ...parts } = head;
  return parts;
}
const GET = {
  method: "GET",
  target: "/",
  host: "a.example",
  minor: 1,
  framing: 0,
  expectsContinue: false,
  keepsAlive: true,
} satisfies Omit<RequestHead, "fields">;

Deno.test("a request has its method, target, host, version and framing", () => {
  assert.deepEqual(read("GET / HTTP/1.1"), GET);
  assert.deepEqual(read("POST /v1/x?a=b HTTP/1.1", [...HOST, ["content-length", "5"]]), {
    ...GET,
    method: "POST",
    target: "/v1/x?a=b",
    framing: 5,
  });
  assert.deepEqual(read("PUT /x HTTP/1.1", [["transfer-encoding", "chunked"], ...HOST]), {
    ...GET,
    method: "PUT",
    target: "/x",
    framing: "chunked",
  });
});

Deno.test("HTTP/1.0 needs no host, and closes unless it says otherwise", () => {
  assert.deepEqual(read("GET / HTTP/1.0", []), { ...GET, minor: 0, host: "", keepsAlive: false });
  assert.deepEqual(read("GET / HTTP/1.0", [...HOST, ["connection", "keep-alive"]]), {
    ...GET,
    minor: 0,
  });
});

Deno.test("a request that says close closes", () => {
  assert.deepEqual(read("GET / HTTP/1.1", [...HOST, ["connection", "close"]]), {
    ...GET,
    keepsAlive: false,
  });
});

for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
  Deno.test(`${method} is known`, () => {
    assert.deepEqual(read(`${method} / HTTP/1.1`), { ...GET, method });
  });
}

for (
  const target of [
    "/",
    "//",
    "//a.example/x",
    "/a/../b/./c",
    "/%00%zz%",
    "/a;b=c,d:e@f",
    "/?",
    "/?a?b/c",
    "/~_-.!$&'()*+",
    "/a|b[c]",
    "/?a[]={b}|c^d`e\\f",
  ]
) {
  Deno.test(`the target ${target} is kept as it is`, () => {
    assert.deepEqual(read(`GET ${target} HTTP/1.1`), { ...GET, target });
  });
}

for (
  const [written, host, target] of [
    ["http://b.example/x?y", "b.example", "/x?y"],
    ["https://b.example:8443/", "b.example:8443", "/"],
    ["HTTP://B.example", "B.example", "/"],
    ["http://b.example?y=/z", "b.example", "/?y=/z"],
    ["http://[::1]:80/x", "[::1]:80", "/x"],
    ["http://b.example//x", "b.example", "//x"],
    ["http://b.example/@c", "b.example", "/@c"],
  ] as const
) {
  Deno.test(`the absolute target ${written} names the host, and is cut to ${target}`, () => {
    assert.deepEqual(read(`GET ${written} HTTP/1.1`), { ...GET, host, target });
  });
}

Deno.test("only OPTIONS has the target *", () => {
  assert.deepEqual(read("OPTIONS * HTTP/1.1"), { ...GET, method: "OPTIONS", target: "*" });
  assert.equal(read("GET * HTTP/1.1"), 400);
});

Deno.test("a client may wait for 100 Continue, one of HTTP/1.0 does not", () => {
  const expecting: Pairs = [...HOST, ["expect", "100-Continue"]];
  assert.deepEqual(read("GET / HTTP/1.1", expecting), { ...GET, expectsContinue: true });
  assert.deepEqual(read("GET / HTTP/1.0", expecting), { ...GET, minor: 0, keepsAlive: false });
});

const REFUSED: readonly (readonly [number, string, Pairs?])[] = [
  [400, ""],
  [400, "GET"],
  [400, "GET /"],
  [400, " GET / HTTP/1.1"],
  [400, "GET / HTTP/1.1 "],
  [400, "GET  / HTTP/1.1"],
  [400, "GET /  HTTP/1.1"],
  [400, "GET\t/ HTTP/1.1"],
  [400, "GET / x HTTP/1.1"],
  [400, "GET /\x80 HTTP/1.1"],
  [400, "G(T / HTTP/1.1"],
  [400, "GET / http/1.1"],
  [400, "GET / HTTP/1"],
  [400, "GET / HTTP/11"],
  [400, "GET / HTTP/1.10"],
  [400, "GET / HTTP/1.x"],
  [400, "GET / XHTTP/1.1"],
  [505, "GET / HTTP/1.2"],
  [505, "GET / HTTP/0.9"],
  [505, "GET / HTTP/2.0"],
  [505, "PRI * HTTP/2.0", []],
  [501, "get / HTTP/1.1"],
  [501, "CONNECT a:443 HTTP/1.1"],
  [501, "TRACE / HTTP/1.1"],
  [501, "PROPFIND / HTTP/1.1"],
  [400, "GET / HTTP/1.1", []],
  [400, "GET / HTTP/1.1", [...HOST, ...HOST]],
  [400, "GET / HTTP/1.0", [...HOST, ["host", "b"]]],
  [400, "GET http://b/ HTTP/1.1", []],
  [400, "GET http://b/ HTTP/1.1", [["host", "a b"]]],
  ...["a b", "a/b", "a?b", "a#b", "u@a", "a\\b", "a\tb", "\xe9", "a, b", "<a>", 'a"']
    .map((host) => [400, "GET / HTTP/1.1", [["host", host]]] as const),
  ...["a", "?a", "/#", "/a#b", "/<a>", '/"', "/?a=<", '/?"', "/{a}", "/a\\b", "/^", "/`"]
    .map((target) => [400, `GET ${target} HTTP/1.1`] as const),
  ...["http://", "http:///a", "http://?a", "http://u@a/", "http://u:p@a/x", "http://@a/", "http:/a"]
    .map((target) => [400, `GET ${target} HTTP/1.1`] as const),
  ...["http:a", "ftp://a/", "http://a#b", "http://a/#b", "http://a\\b/", "xhttp://a/", "a:443"]
    .map((target) => [400, `GET ${target} HTTP/1.1`] as const),
  [400, "POST / HTTP/1.1", [...HOST, ["content-length", "x"]]],
  [400, "POST / HTTP/1.1", [...HOST, ["content-length", "1"], ["content-length", "1"]]],
  [400, "POST / HTTP/1.1", [...HOST, ["content-length", "1"], ["transfer-encoding", "chunked"]]],
  [501, "POST / HTTP/1.1", [...HOST, ["transfer-encoding", "gzip, chunked"]]],
  [501, "POST / HTTP/1.0", [...HOST, ["transfer-encoding", "chunked"]]],
  [417, "POST / HTTP/1.1", [...HOST, ["expect", "200-ok"]]],
  [417, "POST / HTTP/1.1", [...HOST, ["expect", "100-continue"], ["expect", "100-continue"]]],
  [417, "POST / HTTP/1.1", [...HOST, ["expect", ""]]],
];
for (const [status, line, pairs] of REFUSED) {
  Deno.test(`${JSON.stringify(line)} with ${JSON.stringify(pairs ?? HOST)} gets a ${status}`, () => {
    assert.equal(read(line, pairs), status);
  });
}

Deno.test("each fault of a head has a status and a sentence", () => {
  for (const [fault, { status, sentence }] of Object.entries(HEAD_FAULTS)) {
    assert.equal(status, fault.startsWith("too_") ? 431 : 400);
    assert.match(sentence, /^[A-Z].*\.$/);
  }
});
