import assert from "node:assert/strict";
import { ask, eventsOf, inFlight, MODEL, startFleet, type TestFleet } from "../support/fleet.ts";
import { chunk, say, startRaw, STREAM_HEAD } from "../support/raw.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";

// An aborted answer is not an answer (issue 13, section 3).

const BODIES = {
  "/v1/chat/completions": { messages: [{ role: "user", content: "Hello" }], max_tokens: 400 },
  "/v1/completions": { prompt: "Hello", max_tokens: 400 },
  "/v1/messages": { messages: [{ role: "user", content: "Hello" }], max_tokens: 400 },
  "/v1/responses": { input: "Hello", max_output_tokens: 400 },
} as const;
type Path = keyof typeof BODIES;

function post(url: string, path: Path, stream: boolean): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: MODEL, stream, ignore_eos: true, ...BODIES[path] }),
  });
}

/** Two servers of one seat each; the first is running a request, so the next one queues. */
async function withQueue(): Promise<TestFleet> {
  const fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 20, maxNumSeqs: 1 }, { speed: 20 }],
    settings: { policy: "round_robin", health_check_interval: 60 },
  });
  return fleet;
}

for (const path of Object.keys(BODIES) as Path[]) {
  for (const stream of [true, false]) {
    Deno.test(`${path}, ${stream ? "stream" : "no stream"}: a request that a stopping server ends without a token is answered by another server, and blames no server`, async () => {
      await using fleet = await withQueue();
      const { router, simulators: [leaving] } = fleet;
      // A request from elsewhere takes the seat.
      const elsewhere = await ask(leaving!.url, { stream: true, tokens: 4000 });
      const answer = post(router.url, path, stream);
      await until("it waits", () => leaving!.state().received === 2);
      await leaving!.setFault({ kind: "terminated", how: "abort" });
      const response = await answer;
      const text = await response.text();
      assert.equal(response.status, 200);
      assert.ok(text.length > 500, `a whole answer: ${text.slice(0, 300)}`);
      assert.doesNotMatch(text, /"abort"|"error":\{/);
      assert.equal(router.fleet.servers[0]!.health.consecutiveRequestFailures, 0);
      await elsewhere.body?.cancel().catch(() => {});
      await until("nothing is in flight", () => inFlight(router) === 0);
    });
  }
}

for (const path of ["/v1/chat/completions", "/v1/completions"] as const) {
  Deno.test(`${path}: a stream that ends with finish_reason "abort" after its first token is reported as broken`, async () => {
    await using fleet = await startFleet({ servers: [{ speed: 1, interTokenMs: 10 }] });
    const response = await post(fleet.router.url, path, true);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value!;
    await fleet.simulators[0]!.setFault({ kind: "terminated", how: "abort" });
    await assert.rejects(async () => {
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        text += read.value;
      }
    }, "no clean end");
    assert.doesNotMatch(text, /"abort"|\[DONE\]/);
    const last = eventsOf(text).at(-1) as { error: { code: string } };
    assert.equal(last.error.code, "stream_broken");
  });
}

const ROLE =
  'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n';
const TOKEN = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n';
const DONE = "data: [DONE]\n\n";

/** What a client reads from a server that streams this, and the failures counted. */
async function streamed(events: readonly string[]) {
  await using server = startRaw(async (connection) => {
    await say(connection, STREAM_HEAD);
    for (const event of events) await say(connection, chunk(event));
    await say(connection, "0\r\n\r\n");
  });
  await using router = await startRouter([{ url: server.url, models: [MODEL] }]);
  const response = await ask(router.url, { stream: true });
  let text = "";
  let isWhole = true;
  const decoder = new TextDecoder();
  try {
    for await (const bytes of response.body!) text += decoder.decode(bytes, { stream: true });
  } catch {
    isWhole = false;
  }
  return { status: response.status, text, isWhole };
}

Deno.test("a chat stream of a role and [DONE], without any finish_reason, is not an answer", async () => {
  const { status, text } = await streamed([ROLE, DONE]);
  assert.equal(status, 502);
  assert.doesNotMatch(text, /\[DONE\]/);
});

Deno.test("a chat stream with tokens and [DONE], without any finish_reason, is reported as broken, and its [DONE] is dropped", async () => {
  for (const events of [[ROLE, TOKEN, TOKEN, DONE], [ROLE, TOKEN, TOKEN + DONE]]) {
    const { text, isWhole } = await streamed(events);
    assert.equal(isWhole, false);
    assert.ok(text.startsWith(ROLE + TOKEN + TOKEN), text);
    assert.doesNotMatch(text, /\[DONE\]/);
    assert.match(text, /"code":"stream_broken"/);
  }
});

Deno.test("a server that finishes its requests and refuses new ones is draining: it gets no requests, is not blamed, and returns after its port was closed", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 20, capacity: 100 }, { capacity: 1 }],
    settings: { policy: "round_robin", health_check_interval: 0.1 },
  });
  const { router, simulators: [leaving] } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  const streaming = await ask(router.url, { stream: true, tokens: 200 });
  await (await ask(router.url)).body?.cancel();
  await leaving!.setFault({ kind: "draining", seconds: 20 });
  const moved = await ask(router.url);
  assert.equal(moved.status, 200, "another server's answer");
  await moved.body?.cancel();
  assert.equal(state(), "draining");
  assert.match(router.fleet.snapshot().servers[0]!.reason, /is shutting down/);
  const { received } = leaving!.state();
  for (let i = 0; i < 6; i++) {
    const answer = await ask(router.url);
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
  assert.equal(leaving!.state().received, received, "it is not asked any more");
  const text = await streaming.text();
  assert.equal(eventsOf(text).at(-1), "[DONE]", "what it had goes on to its end");
  assert.equal(router.fleet.snapshot().servers[0]!.consecutiveFailures, 0);
  await until("its port is gone", () => state() === "unhealthy");
  await leaving!.setFault(null);
  await until("it is back", () => state() === "healthy");
});

Deno.test("a server that drained behind a gateway is asked again once it is back", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 20, capacity: 100 }, { capacity: 1 }],
    settings: { policy: "round_robin", health_check_interval: 0.1 },
  });
  const { router, simulators: [leaving] } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  const streaming = await ask(router.url, { stream: true, tokens: 1000 });
  await leaving!.setFault({ kind: "draining", seconds: 20 });
  for (let i = 0; i < 3; i++) await (await ask(router.url)).body?.cancel();
  assert.equal(state(), "draining");
  // The gateway's port never refuses connections.
  await leaving!.setFault({ kind: "health_status", status: 503 });
  await until("its checks fail", () => state() === "unhealthy");
  await leaving!.setFault(null);
  await until("it is back", () => state() === "healthy");
  await streaming.body?.cancel().catch(() => {});
});
