import assert from "node:assert/strict";
import http2 from "node:http2";
import { until } from "../support/until.ts";
import { http1 } from "../support/router.ts";
import { CHAT, type Guarded, startGuarded, startRecorder, statusOf } from "./guarded.ts";
import { connectRaw } from "./raw_client.ts";

const MIB = 1024 * 1024;
const HEAD = "POST /v1/completions HTTP/1.1\r\nHost: router\r\n";
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

async function setUp(settings: string) {
  const server = startRecorder();
  const router = await startGuarded({ server: server.url, settings });
  return {
    server,
    router,
    inFlight: () => router.gateway.fleet.snapshot().servers[0]!.inFlight,
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** Sends bytes on a new connection. */
async function say(router: Guarded, bytes: string) {
  const connection = await connectRaw(router.gateway.port);
  await connection.send(bytes);
  return {
    send: connection.send,
    answer: () => connection.answer(),
    [Symbol.asyncDispose]: connection[Symbol.asyncDispose],
  };
}

Deno.test("a body with a declared length over the limit is 413 before any of it is read", async () => {
  await using parts = await setUp("max_body_mib = 1");
  const lengths = [`Content-Length: ${MIB + 1}\r\n`, "Content-Length: 999999999999999\r\n"];
  // The router's own parser refuses these.
  if (http1 === "deno") lengths.push(lengths[0]!.repeat(2), "Content-Length: 9007199254740993\r\n");
  for (const lines of lengths) {
    await using connection = await say(parts.router, `${HEAD}${lines}\r\n`);
    const answer = await connection.answer();
    assert.equal(answer?.status, 413);
    assert.match(answer.body, /The body is larger than 1 MiB/);
  }
  const body = `{"model":"m","a":"${"x".repeat(MIB - 20)}"}`;
  assert.equal(body.length, MIB);
  assert.equal(await statusOf(parts.router.ask({ body })), 200);
});

Deno.test("a body without a declared length is 413 as soon as it exceeds the limit", async () => {
  await using parts = await setUp("max_body_mib = 1");
  await using connection = await say(parts.router, `${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
  for (let i = 0; i < 17; i++) await connection.send(chunk("x".repeat(MIB / 16)));
  assert.equal((await connection.answer())?.status, 413);
  assert.deepEqual(parts.server.seen, []);
});

Deno.test("a duplicate Content-Length doesn't bypass the limits for others", async () => {
  await using parts = await setUp("max_body_mib = 1\nbody_buffer_mib = 1");
  await using connection = await say(
    parts.router,
    `${HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
  );
  assert.equal((await connection.answer())?.status, http1 === "own" ? 400 : 200);
  // One body uses nearly the whole buffer, so that none is left for the other.
  const nearlyAll = `${HEAD}Content-Length: ${MIB - 100}\r\n\r\n${"x".repeat(MIB - 101)}`;
  await using firsts = new AsyncDisposableStack();
  await until("the buffer is full", async () => {
    firsts.use(await say(parts.router, nearlyAll));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await using second = await say(parts.router, `${HEAD}Content-Length: 200\r\n\r\n`);
    // Without its last byte, it waits if there is room.
    await second.send("x".repeat(199));
    const waits = statusOf(parts.router.get("/livez"));
    const answer = await Promise.race([second.answer(), waits]);
    return typeof answer === "object" && answer.status === 503;
  });
});

Deno.test("over HTTP/2, too, a body can't exceed its declared length or the limit", async () => {
  await using parts = await setUp("max_body_mib = 1");
  const client = http2.connect(parts.router.url);
  client.on("error", () => {});
  const post = (headers: Record<string, string>, bytes: number) =>
    new Promise<number | string>((resolve) => {
      const request = client.request({
        ":method": "POST",
        ":path": "/v1/completions",
        ...headers,
      });
      request.on("response", (answer) => resolve(Number(answer[":status"])));
      request.on("error", (error) => resolve(error.message));
      request.end("x".repeat(bytes));
      request.resume();
    });
  try {
    assert.equal(await post({}, 2 * MIB), 413);
    // The runtime, whose HTTP/2 it is, rejects a body shorter or longer than declared.
    assert.match(`${await post({ "content-length": "100" }, 10)}`, /PROTOCOL_ERROR/);
    assert.match(`${await post({ "content-length": "10" }, 2 * MIB)}`, /PROTOCOL_ERROR/);
    assert.deepEqual(parts.server.seen, []);
  } finally {
    client.destroy();
  }
});

for (
  const [how, start, more] of [
    ["with a declared length", `Content-Length: ${MIB - 100}\r\n\r\n{`, "x".repeat(MIB / 2)],
    [
      "in chunks",
      `Transfer-Encoding: chunked\r\n\r\n${chunk("{")}`,
      chunk("x".repeat(MIB / 2)).repeat(3),
    ],
  ] as const
) {
  Deno.test(`a stalled body is 408 and frees its buffer space: one ${how}`, async () => {
    await using parts = await setUp("client_timeout = 0.3\nbody_buffer_mib = 1");
    const { router, server } = parts;
    await using connection = await say(router, HEAD + start);
    const answer = await connection.answer();
    assert.equal(answer?.status, 408);
    assert.match(answer.body, /The body arrived at less than 1 KiB\/s for 0.3 s/);
    assert.ok(
      answer.headers.some(([name, value]) => name === "connection" && value === "close"),
      "the response announces the close",
    );
    // Bytes that arrive now are discarded and use no buffer space.
    await connection.send(more);
    const body = `{"model":"m","a":"${"x".repeat(MIB - 200)}"}`;
    assert.equal(await statusOf(router.ask({ body })), 200);
    assert.equal(await statusOf(router.ask({ body })), 200);
    assert.equal(server.seen.length, 2);
    assert.match(router.log(), /"status":408/);
  });
}

Deno.test("requests in flight are limited per address, including uploads", async () => {
  await using parts = await setUp("max_in_flight_per_client = 2");
  const { router } = parts;
  const head = `${HEAD}Expect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
  await using first = await say(router, head);
  await using second = await say(router, head);
  // The interim response shows that their heads have been read.
  for (const connection of [first, second]) {
    assert.equal((await connection.answer())?.status, 100);
  }
  const answer = await router.ask();
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get("retry-after"), "1");
  assert.match(
    (await answer.json()).error.message,
    /Your address is at its limit of 2 requests in flight/,
  );
  assert.equal(await statusOf(router.get("/v1/models")), 200, "only inference counts");
  for (const connection of [first, second]) {
    await connection.send("{}");
    assert.equal((await connection.answer())?.status, 200);
  }
  assert.equal(await statusOf(router.ask()), 200);
  const page = await (await router.get("/metrics")).text();
  assert.match(page, /^vllm_router_turned_away_total{reason="client_limit"} [1-9]/m);
});

Deno.test("a client that stops reading is disconnected, and its server is free again", async () => {
  let ended = false;
  const event = new TextEncoder().encode(`data: ${"x".repeat(64 * 1024)}\n\n`);
  await using server = startRecorder(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(event),
        cancel: () => void (ended = true),
      }),
      { headers: { "content-type": "text/event-stream" } },
    )
  );
  await using router = await startGuarded({
    server: server.url,
    settings: "client_timeout = 0.5",
  });
  const inFlight = () => router.gateway.fleet.snapshot().servers[0]!.inFlight;
  await using _reader = await say(router, `${HEAD}Content-Length: ${CHAT.length}\r\n\r\n${CHAT}`);
  await until("the server has the request", () => inFlight() === 1);
  await until("the slot is free", () => inFlight() === 0);
  await until("the server's connection closes", () => ended);
  await until(
    "the request is in the log",
    () => router.log().includes(`"outcome":"client_closed"`),
  );
  assert.equal(router.gateway.fleet.snapshot().servers[0]!.state, "healthy");
});

Deno.test("a client that reads slowly but steadily isn't disconnected", async () => {
  const event = new TextEncoder().encode(`data: ${"x".repeat(256 * 1024)}\n\n`);
  let left = 80;
  await using server = startRecorder(() =>
    new Response(
      new ReadableStream({
        pull: (controller) => left-- > 0 ? controller.enqueue(event) : controller.close(),
      }),
      { headers: { "content-type": "text/event-stream" } },
    )
  );
  await using router = await startGuarded({ server: server.url, settings: "client_timeout = 0.4" });
  const answer = await router.ask({ path: "/v1/messages" });
  const reader = answer.body!.getReader();
  let bytes = 0;
  let looks = 0;
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    bytes += read.value.length;
    if (looks++ % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 40));
  }
  assert.equal(bytes, 80 * event.length);
});

Deno.test("over 100 headers or 32 KiB of headers are 431 and reach no server", async () => {
  await using parts = await setUp("");
  const length = `Content-Length: ${CHAT.length}\r\n`;
  const many = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: a\r\n`).join("");
  for (
    const [lines, status] of [
      [many(98), 200],
      [many(99), 431],
      [many(120), 431],
      [`X: ${"x".repeat(32_000)}\r\n`, 200],
      [`X: ${"x".repeat(33_000)}\r\n`, 431],
      [Array.from({ length: 40 }, (_, i) => `X-${i}: ${"x".repeat(1_000)}\r\n`).join(""), 431],
    ] as const
  ) {
    await using connection = await say(parts.router, `${HEAD}${length}${lines}\r\n${CHAT}`);
    const answer = await connection.answer();
    assert.equal(answer?.status, status);
    if (status === 431) assert.match(answer.body, /headers are too many or too long/);
  }
  assert.equal(parts.server.seen.length, 2);
});

Deno.test("a body nested deeper than 128 levels is 400 and reaches no server", async () => {
  await using parts = await setUp("");
  const nested = (levels: number) =>
    `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)},"model":"m"}`;
  for (
    const [body, status] of [
      [nested(128), 200],
      [nested(129), 400],
      [nested(1_000_000), 400],
      [`{"a":${`{"a":`.repeat(100_000)}`, 400],
      ["[".repeat(100_000), 400],
      // Brackets within a string don't count.
      [`{"a":"${"[".repeat(1_000)}","model":"m"}`, 200],
    ] as const
  ) assert.equal(await statusOf(parts.router.ask({ body })), status);
  assert.equal(parts.server.seen.length, 2);
});

Deno.test("an object with more than 1,000 members is 400", async () => {
  await using parts = await setUp("");
  const members = (count: number) =>
    `{${Array.from({ length: count - 1 }, (_, i) => `"${i}":0,`).join("")}"model":"m"}`;
  assert.equal(await statusOf(parts.router.ask({ body: members(1_000) })), 200);
  assert.equal(await statusOf(parts.router.ask({ body: members(1_001) })), 400);
  assert.equal(parts.server.seen.length, 1);
});

Deno.test("no 20 MiB body delays other requests for seconds, whatever its structure", async (t) => {
  await using parts = await setUp("");
  const { router } = parts;
  const filled = (start: string, unit: string, end: string) =>
    new TextEncoder().encode(
      start + unit.repeat((20 * MIB - start.length - end.length) / unit.length) + end,
    );
  const disguised = `multipart/form-data; x="boundary=none"; boundary=b`;
  const part = `--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n`;
  for (
    const [name, body, status, contentType] of [
      ["lists of objects", filled(`{"a":[`, "{},", `{}],"model":"m"}`), 200],
      ["short texts", filled(`{"a":[`, `"",`, `""],"model":"m"}`), 200],
      ["escaped quotes", filled(`{"a":"`, `\\"`, `","model":"m"}`), 200],
      ["many members", filled(`{`, `"a":1,`, `"model":"m"}`), 400],
      ["many models", filled(`{`, `"model":"m",`, `"model":"m"}`), 400],
      ["escaped names", filled(`{`, String.raw`"\u006dodeX":1,`, `"model":"m"}`), 400],
      ["a model that is a list", filled(`{"model":[`, "{},", "{}]}"), 400],
      ["a model that is long", filled(`{"model":"`, "m", `"}`), 400],
      ["a stream that is a list", filled(`{"model":"m","stream":[`, "{},", "{}]}"), 200],
      ["brackets", filled("", "[", ""), 400],
      ["spaces", filled("", " ", ""), 400],
      ["parts of a form", filled("", part, "--b--\r\n"), 400, "multipart/form-data; boundary=b"],
      ["parts of a form in disguise", filled("", part, "--b--\r\n"), 400, disguised],
    ] as const
  ) {
    await t.step(name, async () => {
      let longest = 0;
      let done = false;
      const watching = (async () => {
        while (!done) {
          const started = performance.now();
          assert.equal(await statusOf(router.get("/livez")), 200);
          longest = Math.max(longest, performance.now() - started);
        }
      })();
      const headers = { "content-type": contentType ?? "application/json" };
      // A path with a small response from this server.
      assert.equal(await statusOf(router.ask({ headers, body })), status);
      done = true;
      await watching;
      // Includes the work of the test and its server, which share the process.
      assert.ok(longest < 5_000, `${Math.round(longest)} ms`);
    });
  }
});
