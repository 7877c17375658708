import assert from "node:assert/strict";
import http2 from "node:http2";
import { http1, startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { connectRaw, type RawConnection } from "./raw_client.ts";
import { startStrictServer } from "./strict_server.ts";

// What a parser does before the router's code is called: the router's own, or with
// `http1 = "deno"` the runtime's. docs/security.md documents the limits, and decision 26 what the
// runtime's can't do: if a new version of the runtime changes that, update it with this test.

const CHAT = "/v1/chat/completions";
const LIVEZ = "GET /livez HTTP/1.1\r\nHost: router\r\n";

async function setUp() {
  const server = startStrictServer();
  const router = await startRouter([{ url: server.url }]);
  return {
    server,
    router,
    connect: () => connectRaw(router.port),
    inFlight: () => router.fleet.snapshot().servers[0]!.inFlight,
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await server[Symbol.asyncDispose]();
    },
  };
}

async function statusOf(connection: RawConnection, bytes: string): Promise<number | undefined> {
  await connection.send(bytes);
  return (await connection.answer())?.status;
}

/** The lengths of heads and the numbers of headers at the limit, and what is beyond it. */
const LIMITS = {
  own: { headers: 200, longest: 64 * 1024 - 1, status: 431 },
  deno: { headers: 128, longest: 64 * 1024, status: 400 },
};

Deno.test("a head has limits of headers and bytes, and a larger one is refused", async () => {
  await using parts = await setUp();
  const { headers, longest, status } = LIMITS[http1];
  const withHeaders = (count: number) =>
    `${LIVEZ}${Array.from({ length: count - 1 }, (_, i) => `X-${i}: a\r\n`).join("")}\r\n`;
  const ofBytes = (length: number) => {
    const start = `${LIVEZ}X: `;
    return `${start}${"x".repeat(length - start.length - 4)}\r\n\r\n`;
  };
  for (
    const [bytes, expected] of [
      [withHeaders(headers), 200],
      [withHeaders(headers + 1), status],
      [ofBytes(longest), 200],
      [ofBytes(65 * 1024), status],
    ] as const
  ) {
    await using connection = await parts.connect();
    assert.equal(await statusOf(connection, bytes), expected);
  }
});

Deno.test("an upgrade with a body is ignored, or 400 by the runtime", async () => {
  await using parts = await setUp();
  const status = http1 === "own" ? 200 : 400;
  for (const protocol of ["h2c", "websocket"]) {
    await using connection = await parts.connect();
    const head = `POST ${CHAT} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}`;
    assert.equal(await statusOf(connection, `${head}\r\nContent-Length: 2\r\n\r\n{}`), status);
  }
  const page = await (await fetch(`${parts.router.url}/metrics`)).text();
  assert.equal(/^vllm_router_requests_total\{/m.test(page), http1 === "own");
  assert.deepEqual(parts.server.problems, []);
});

Deno.test("100 Continue is sent once the body is wanted; by the runtime at once", async () => {
  await using parts = await setUp();
  for (const path of [CHAT, "/nowhere"]) {
    await using connection = await parts.connect();
    await connection.send(
      `POST ${path} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
    );
    if (http1 === "deno" || path === CHAT) {
      assert.equal((await connection.answer())?.status, 100);
      await connection.send("{}");
    }
    assert.equal((await connection.answer())?.status, path === CHAT ? 200 : 404);
  }
  assert.deepEqual(parts.server.problems, []);
});

Deno.test("a request rejected unread is answered at once; the rest of it is discarded", async () => {
  await using parts = await setUp();
  await using connection = await parts.connect();
  const body = "x".repeat(1024 * 1024);
  await connection.send(
    `POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  const answer = await connection.answer();
  assert.equal(answer?.status, 404);
  // Despite the header, the runtime leaves the connection open until the client closes it; the
  // router's own server reads for a second.
  assert.ok(answer.headers.some(([name, value]) => name === "connection" && value === "close"));
  await connection.send(body);
  await connection.end();
  assert.equal(await connection.closed(), "");
  assert.deepEqual(parts.server.requests, []);
});

Deno.test("pipelined requests are answered in order, one at a time", async () => {
  await using parts = await setUp();
  await using connection = await parts.connect();
  const ask = (body: string) =>
    `POST ${CHAT} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const bodies = Array.from({ length: 20 }, (_, i) => i % 3 === 0 ? "[]" : `{"n":${i}}`);
  await connection.send(bodies.map(ask).join("") + `${LIVEZ}\r\n`);
  for (const body of bodies) {
    assert.equal((await connection.answer())?.status, body === "[]" ? 400 : 200);
  }
  assert.equal((await connection.answer())?.body, `{"status":"alive"}`);
  assert.deepEqual(
    parts.server.requests.map(({ body }) => body),
    bodies.filter((body) => body !== "[]"),
  );
  assert.deepEqual(parts.server.problems, []);
});

Deno.test("a client that disconnects at any byte leaves nothing behind", async () => {
  await using parts = await setUp();
  const { server, inFlight } = parts;
  const body = `{"a":"${"x".repeat(40)}"}`;
  const bytes = `POST ${CHAT} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n` +
    `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  for (let length = 0; length < bytes.length; length++) {
    await using connection = await parts.connect();
    await connection.send(bytes.slice(0, length));
  }
  await using last = await parts.connect();
  assert.equal(await statusOf(last, bytes), 200);
  await until("nothing is in flight", () => inFlight() === 0);
  assert.deepEqual(server.requests.map((request) => request.body), [body]);
  assert.deepEqual(server.problems, []);
});

Deno.test("bytes that arrive one at a time form one request", async () => {
  await using parts = await setUp();
  const { server } = parts;
  await using connection = await parts.connect();
  const bytes = `POST ${CHAT} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n` +
    `2;x\r\n{}\r\n0\r\nX: y\r\n\r\n`;
  for (const byte of bytes) await connection.send(byte);
  assert.equal((await connection.answer())?.status, 200);
  assert.deepEqual(server.requests.map(({ body }) => body), ["{}"]);
  assert.deepEqual(server.problems, []);
});

/** Sends a request over plain-text HTTP/2, which is accepted on the same port. */
async function askHttp2(
  url: string,
  headers: http2.OutgoingHttpHeaders,
  body: string,
): Promise<number | string> {
  const session = http2.connect(url);
  const answered = Promise.withResolvers<number | string>();
  session.on("error", (error) => answered.resolve(error.message));
  const stream = session.request(headers);
  stream.on("response", (head) => answered.resolve(head[":status"]!));
  stream.on("error", (error) => answered.resolve(error.message));
  stream.resume();
  stream.end(body);
  const status = await answered.promise;
  const closed = Promise.withResolvers<void>();
  session.on("close", closed.resolve);
  session.destroy();
  await closed.promise;
  return status;
}

Deno.test("HTTP/2 is accepted, and reaches nothing that HTTP/1.1 doesn't", async () => {
  await using parts = await setUp();
  const { server, router } = parts;
  const ask = (headers: http2.OutgoingHttpHeaders) =>
    askHttp2(router.url, { ":method": "POST", ":scheme": "http", ...headers }, "{}");
  assert.equal(await ask({ ":path": CHAT, ":authority": "a" }), 200);
  assert.deepEqual(server.requests.splice(0).map(({ target }) => target), [CHAT]);
  for (
    const headers of [
      { ":path": "/sleep", ":authority": "a" },
      { ":path": CHAT, ":authority": "/sleep?" },
      { ":path": CHAT, host: "/sleep?" },
      { ":path": CHAT, ":authority": "a", host: "/sleep?" },
      { ":path": `http:///sleep?${CHAT}`, ":authority": "a" },
      { ":path": "*", ":authority": "a" },
    ]
  ) {
    const status = await ask(headers);
    assert.ok(typeof status === "string" || [400, 404].includes(status), JSON.stringify(headers));
  }
  assert.deepEqual(server.requests, []);
  assert.deepEqual(server.problems, []);
});
