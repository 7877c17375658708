import assert from "node:assert/strict";
import { ask, eventsOf, inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

// Event streams as real servers and gateways send them (issue 13, section 9).

const TOKEN = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n';
const FINISH = 'data: {"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}\n\n';
const DONE = "data: [DONE]\n\n";

/** A router in front of one server that writes exactly these bytes. */
async function before(answer: Parameters<typeof startRaw>[0]) {
  const server = startRaw(answer);
  const router = await startRouter(
    [{ url: server.url, models: [MODEL] }],
    { request_timeout: 60, chunk_timeout: 60 },
  );
  return {
    router,
    server,
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await server[Symbol.asyncDispose]();
    },
  };
}

Deno.test("a 400 under the type of an event stream is passed on unchanged as the client's error, and blames no server", async () => {
  await using fleet = await startFleet({
    servers: Array(2).fill({ fault: { kind: "status_as_events", status: 400 } }),
    settings: { failure_threshold: 1 },
  });
  for (let i = 0; i < 6; i++) {
    const answer = await ask(fleet.router.url, { stream: true });
    assert.equal(answer.status, 400);
    assert.equal((await answer.json()).error.code, 400);
  }
  assert.ok(fleet.router.fleet.servers.every(({ health }) => health.status === "healthy"));
});

Deno.test("a document under the type of an event stream is passed on unchanged", async () => {
  await using fleet = await startFleet({ servers: [{ fault: { kind: "document_as_events" } }] });
  const answer = await ask(fleet.router.url, { stream: true });
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).usage.completion_tokens, 5);
  assert.equal(fleet.router.fleet.snapshot().servers[0]!.consecutiveFailures, 0);
});

Deno.test("an error event without [DONE] ends its stream: no second error is added", async () => {
  await using fleet = await startFleet({ servers: [{ fault: { kind: "error_mid_stream" } }] });
  const answer = await ask(fleet.router.url, { stream: true, tokens: 20 });
  const text = await answer.text();
  assert.equal(text.split('"error"').length - 1, 1, text);
  assert.equal(inFlight(fleet.router), 0);
});

Deno.test("an event stream compressed by a mesh is read, and passed on decompressed", async () => {
  await using fleet = await startFleet({ servers: [{ fault: { kind: "gzip_stream" } }] });
  const answer = await ask(fleet.router.url, { stream: true });
  assert.equal(answer.headers.get("content-encoding"), null);
  assert.equal(eventsOf(await answer.text()).at(-1), "[DONE]");
});

Deno.test("comments before the first token are passed on as they arrive, under the server's own headers; the next server's tokens follow", async () => {
  await using dying = startRaw(async (connection) => {
    const head = STREAM_HEAD.replace("\r\n\r\n", "\r\nx-from-server: one\r\n\r\n");
    await say(connection, head + chunk(": keep-alive\n\n"));
    await new Promise((resolve) => setTimeout(resolve, 300));
    connection.close();
  });
  await using well = await startFleet({ servers: [{}] });
  await using router = await startRouter(
    [{ url: dying.url, models: [MODEL] }, { url: well.simulators[0]!.url }],
    { policy: "round_robin" },
  );
  const answer = await ask(router.url, { stream: true });
  assert.equal(answer.headers.get("x-from-server"), "one");
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value!;
  assert.equal(text, ": keep-alive\n\n", "at once");
  for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
  assert.equal(eventsOf(text).at(-1), "[DONE]");
});

Deno.test("response.created is passed on before the first token, and only once if another server takes over", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "hang_before_first_token" }, capacity: 100 }, { capacity: 1 }],
    settings: { policy: "round_robin", request_timeout: 2 },
  });
  const started = performance.now();
  const answer = await fetch(`${fleet.router.url}/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, input: "Hello", max_output_tokens: 3, stream: true }),
  });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader.read()).value!;
  assert.ok(performance.now() - started < 1_900, "before the first server is given up");
  assert.match(text, /^event: response\.created\n/);
  for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
  assert.equal(text.split("event: response.created\n").length - 1, 1);
  assert.equal(text.split("event: response.output_text.delta\n").length - 1, 3);
  assert.match(text, /event: response\.completed\n/);
});

Deno.test("comments after the last event change nothing: the stream is complete, and its server not blamed", async () => {
  await using many = await before(async (connection) => {
    await say(connection, STREAM_HEAD + chunk(TOKEN) + chunk(FINISH) + chunk(DONE));
    for (let i = 0; i < 20; i++) await say(connection, chunk(`: ${"keep-alive ".repeat(20)}\n\n`));
    connection.close();
  });
  const text = await (await ask(many.router.url, { stream: true })).text();
  assert.ok(text.startsWith(TOKEN + FINISH + DONE));
  await until("nothing is in flight", () => inFlight(many.router) === 0);
  assert.equal(many.router.fleet.snapshot().servers[0]!.consecutiveFailures, 0);
});

Deno.test("a server that keeps the connection open after its last event doesn't keep the client waiting", async () => {
  await using open = await before((connection) =>
    say(connection, STREAM_HEAD + chunk(TOKEN) + chunk(FINISH) + chunk(DONE))
  );
  const started = performance.now();
  const text = await (await ask(open.router.url, { stream: true })).text();
  assert.equal(text, TOKEN + FINISH + DONE);
  assert.ok(performance.now() - started < 30_000, "not for chunk_timeout");
});

Deno.test("a client that disconnects at the last event got its complete answer", async () => {
  await using slow = startRaw(async (connection) => {
    const end = 'event: response.completed\ndata: {"type":"response.completed","response":' +
      '{"output":[{}],"usage":{"output_tokens":2}}}\n\n';
    await say(
      connection,
      STREAM_HEAD + chunk(
        'event: response.output_text.delta\ndata: {"type":' +
          '"response.output_text.delta","delta":"a"}\n\n',
      ) + chunk(end),
    );
  });
  await using router = await startRouter([{ url: slow.url, models: [MODEL] }]);
  const leave = new AbortController();
  const answer = await fetch(`${router.url}/v1/responses`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, input: "Hello", stream: true }),
    signal: leave.signal,
  });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes("response.completed");) text += (await reader.read()).value;
  leave.abort();
  await reader.read().catch(() => {});
  await until("nothing is in flight", () => inFlight(router) === 0);
  const page = await (await fetch(`${router.url}/metrics`)).text();
  const attempts = page.match(/^vllm_router_attempts_total.*/gm)?.join("\n") ?? "";
  assert.match(attempts, /outcome="ok"\} 1$/m);
  assert.doesNotMatch(attempts, /client_closed"\} 1$/m);
});

for (const kind of ["ndjson_stream", "plain_stream", "untyped_stream"] as const) {
  Deno.test(`${kind}: passed on as it arrives`, async () => {
    await using fleet = await startFleet({
      servers: [{ fault: { kind }, speed: 1, interTokenMs: 50 }],
    });
    const answer = await ask(fleet.router.url, { stream: true, tokens: 40 });
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value!;
    const { running } = fleet.simulators[0]!.state();
    assert.equal(running, 1, "the first token is here before the last");
    for (let read = await reader.read(); !read.done; read = await reader.read()) text += read.value;
    assert.ok(text.length > 1_000);
  });
}

Deno.test("no early head is sent for an attempt that has ended", async () => {
  // The early head is sent a second after the server's own: this attempt ends before that.
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "hang_before_first_token" }, capacity: 100 }, {
      fault: { kind: "hang_before_head" },
      capacity: 1,
    }],
    settings: { policy: "round_robin", request_timeout: 0.8 },
  });
  const answer = await ask(fleet.router.url, { stream: true });
  assert.equal(answer.status, 504, "its status could still be told");
  await answer.body?.cancel();
});

Deno.test("a stream of small tokens uses small buffers again after a large event", async () => {
  const large = `data: {"choices":[{"index":0,"delta":{"content":"${"x".repeat(100_000)}"},` +
    `"finish_reason":null}]}\n\n`;
  await using fleet = await before(async (connection) => {
    await say(connection, STREAM_HEAD + chunk(TOKEN) + chunk(large));
    for (let i = 0; i < 40; i++) {
      await say(connection, chunk(TOKEN));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await say(connection, chunk(FINISH) + chunk(DONE) + "0\r\n\r\n");
  });
  const text = await (await ask(fleet.router.url, { stream: true })).text();
  assert.equal(text, TOKEN + large + TOKEN.repeat(40) + FINISH + DONE);
});
