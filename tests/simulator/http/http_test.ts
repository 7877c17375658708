import assert from "node:assert/strict";
import { encodeChunk } from "../../../src/simulator/http/chunk.ts";
import { KEEP_ALIVE_MS } from "../../../src/simulator/http/http_server.ts";
import { chat, RawClient, start, test, until } from "../helpers.ts";

test("a connection serves one request after another", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  for (let index = 0; index < 3; index++) {
    await client.send("GET /version HTTP/1.1\r\nhost: x\r\n\r\n");
    assert.match(
      await client.readUntil("}"),
      /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\{"version"/,
    );
  }
  assert.equal(simulator.state().openConnections, 1);
});

test("an idle connection is closed after five seconds", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  const idleSince = performance.now();
  await client.send("GET /health HTTP/1.1\r\n\r\n");
  await client.readUntil("\r\n\r\n");
  assert.equal(await client.read(), null);
  const idleMs = performance.now() - idleSince;
  // Later only on a slow machine.
  assert.ok(idleMs > KEEP_ALIVE_MS - 10 && idleMs < 4 * KEEP_ALIVE_MS, `${idleMs}`);
});

test("connection: close is honoured", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  await client.send("GET /health HTTP/1.1\r\nconnection: close\r\n\r\n");
  assert.match(await client.readToEnd(), /connection: close/);
});

test("a body may be chunked, after a 100 Continue", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  await client.send(
    "POST /v1/chat/completions HTTP/1.1\r\ncontent-type: application/json\r\n" +
      "transfer-encoding: chunked\r\nexpect: 100-continue\r\n\r\n",
  );
  await client.readUntil("100 Continue\r\n\r\n");
  const text = JSON.stringify(chat("Hello"));
  for (const part of [text.slice(0, 10), text.slice(10)]) {
    await client.send(`${part.length.toString(16)};x=y\r\n${part}\r\n`);
  }
  await client.send("0\r\n\r\n");
  assert.match(await client.readUntil("finish_reason"), /^HTTP\/1\.1 200 OK/);
});

test("a large body arrives whole", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  await client.sendJson("/tokenize", { prompt: " and".repeat(500_000) });
  assert.match(await client.readUntil("max_model_len"), /"count":500000/);
});

test("HEAD answers without a body", async () => {
  await using simulator = await start();
  using client = await RawClient.connect(simulator);
  await client.send("HEAD /version HTTP/1.1\r\nconnection: close\r\n\r\n");
  assert.match(await client.readToEnd(), /content-length: \d\d[^]*\r\n\r\n$/);
});

test("bytes that are not HTTP get 400, and an endless head 431", async () => {
  await using simulator = await start();
  const cases: [string, RegExp][] = [
    ["hello\r\n\r\n", / 400 /],
    ["GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", / 400 /],
    ["POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", / 400 /],
    [`GET / HTTP/1.1\r\nx: ${"x".repeat(70_000)}`, / 431 /],
  ];
  for (const [text, expected] of cases) {
    using client = await RawClient.connect(simulator);
    await client.send(text);
    assert.match(await client.readUntil("\r\n\r\n"), expected);
  }
});

test("a chunk declares its size in bytes", () => {
  const decoder = new TextDecoder();
  assert.equal(decoder.decode(encodeChunk("abc")), "3\r\nabc\r\n");
  assert.equal(
    decoder.decode(encodeChunk("é".repeat(100))),
    `c8\r\n${"é".repeat(100)}\r\n`,
  );
});

test("close ends open streams and idle connections", async () => {
  const simulator = await start();
  using idle = await RawClient.connect(simulator);
  using open = await RawClient.connect(simulator);
  await open.sendJson(
    "/v1/chat/completions",
    chat("x", { stream: true, min_tokens: 5000 }),
  );
  await open.readUntil("delta");
  await until(() => simulator.state().openConnections === 2);
  await simulator.close();
  assert.equal(simulator.state().running, 0);
  assert.equal(await idle.read(), null);
  assert.doesNotMatch(await open.readToEnd(), /0\r\n\r\n$/);
});
