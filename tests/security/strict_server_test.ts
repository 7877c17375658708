import assert from "node:assert/strict";
import { startRouter } from "../support/router.ts";
import { connectRaw } from "./raw_client.ts";
import { parseRequest, startStrictServer } from "./strict_server.ts";

const CLEAN = "POST /score?a=b HTTP/1.1\r\nhost: a:1\r\ncontent-length: 2\r\nx-a: \r\n\r\n{}";

function problemsOf(text: string): readonly string[] {
  const parsed = parseRequest(text);
  assert.ok(parsed, `it can be told that this is a request: ${JSON.stringify(text)}`);
  return parsed.problems;
}

Deno.test("a well-formed request has no problems, and the bytes after it are the next request", () => {
  assert.deepEqual(parseRequest(CLEAN + CLEAN), {
    request: {
      method: "POST",
      target: "/score?a=b",
      headers: [["host", "a:1"], ["content-length", "2"], ["x-a", ""]],
      body: "{}",
    },
    problems: [],
    rest: CLEAN,
  });
  assert.equal(parseRequest(CLEAN.slice(0, -1)), undefined);
  assert.equal(parseRequest(CLEAN.slice(0, 40)), undefined);
});

Deno.test("every deviation is detected", () => {
  const insteadOf = (clean: string, unclean: string) => {
    assert.ok(CLEAN.includes(clean));
    return CLEAN.replace(clean, unclean);
  };
  const header = (line: string) => insteadOf("x-a: ", line);
  for (
    const unclean of [
      CLEAN.replaceAll("\r\n", "\n"),
      insteadOf("a:1\r\n", "a:1\n"),
      insteadOf("x-a: ", "x-a: b\r\n c"),
      insteadOf("x-a: ", "x-a: b\rc"),
      header("x-a: b\0c"),
      header("x-a: b\x7f"),
      header("x-a : b"),
      header("x-a"),
      header(": b"),
      header("x(a: b"),
      header("x-a:  b"),
      insteadOf("content-length: 2", "content-length: +2"),
      insteadOf("content-length: 2", "content-length: 02"),
      insteadOf("content-length: 2", "content-length: 2, 2"),
      insteadOf("content-length: 2", "x-b: 2"),
      header("content-length: 2"),
      header("transfer-encoding: chunked"),
      header("connection: close"),
      header("keep-alive: timeout=1"),
      header("upgrade: h2c"),
      header("te: trailers"),
      header("trailer: x"),
      header("proxy-authorization: x"),
      header("expect: 100-continue"),
      header("x-data-parallel-rank: 1"),
      header("host: b"),
      insteadOf("host: a:1", "x-b: a:1"),
      insteadOf("host: a:1", "host: /a"),
      insteadOf("host: a:1", "host: "),
      insteadOf("POST ", "POST  "),
      insteadOf("POST ", "PO(ST "),
      insteadOf("HTTP/1.1", "HTTP/1.0"),
      insteadOf("HTTP/1.1", "HTTP/1.1 "),
      insteadOf("/score", "http://a/score"),
      insteadOf("/score", "score"),
      insteadOf("?a=b", "#a"),
      insteadOf("?a=b", "?\xc3\xa9"),
      `}${CLEAN}`,
      `\r\n${CLEAN}`,
    ]
  ) assert.ok(problemsOf(unclean).length > 0, JSON.stringify(unclean));
});

Deno.test("the server reports deviations on its connections, answers and continues", async () => {
  await using server = startStrictServer();
  const { port } = new URL(server.url);
  await using connection = await connectRaw(Number(port));
  await connection.send(CLEAN);
  assert.equal((await connection.answer())?.body, `{"reached":"/score?a=b"}`);
  assert.deepEqual(server.problems, []);
  await connection.send(CLEAN.replace("{}", `{"stream":true}`).replace(": 2", ": 15"));
  assert.match((await connection.answer())?.body ?? "", /^data: \{\}\n\ndata: \[DONE\]\n\n$/);
  await connection.send(CLEAN.replace("x-a", "te"));
  assert.equal((await connection.answer())?.status, 200);
  assert.equal(server.problems.length, 1);
  await connection.send("{}");
  await connection.end();
  await connection.closed();
  assert.equal(server.problems.length, 2);
  assert.equal(server.requests.length, 3);
});

Deno.test("the router's own polls are well-formed", async () => {
  await using server = startStrictServer();
  await using router = await startRouter([{ url: server.url, api_key: "secret" }]);
  assert.equal(router.fleet.snapshot().servers[0]?.state, "healthy");
  assert.ok(server.looks() >= 2);
  assert.deepEqual(server.problems, []);
  assert.deepEqual(server.requests, []);
});
