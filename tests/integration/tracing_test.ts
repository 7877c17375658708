import assert from "node:assert/strict";
import { ask, eventsOf, MODEL, startFleet } from "../support/fleet.ts";
import { CLIENT, type ReceivedSpan, SERVER, startOtlpReceiver } from "../support/otlp_receiver.ts";
import { createAuthority } from "../security/certificates.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { deadUrl, metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";

/** Spans are sent at once. */
const SOON = { OTEL_BSP_SCHEDULE_DELAY: "1" };
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER = "00f067aa0ba902b7";
const SAMPLED = `00-${TRACE}-${CALLER}-01`;
const UNSAMPLED = `00-${TRACE}-${CALLER}-00`;

const ofKind = (spans: readonly ReceivedSpan[], kind: number) =>
  spans.filter((span) => span.kind === kind);

/** A server that tells what headers it got, and answers with JSON. */
function startEcho() {
  const received: Headers[] = [];
  const server = startUpstream((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/models") return modelsPage(MODEL);
    if (pathname === "/metrics") return metricsPage();
    if (request.method === "GET") return new Response();
    received.push(request.headers);
    return Response.json({ choices: [{ finish_reason: "stop", message: { content: "a" } }] });
  });
  return Object.assign(server, { received });
}

async function post(url: string, headers: Record<string, string>): Promise<number> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content: "Hello" }] }),
  });
  await response.body?.cancel();
  return response.status;
}

Deno.test("a request is a span of kind server, with one of kind client below it", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{}],
    tables: {
      tracing: { endpoint: collector.url, service_name: "gateway" },
      auth: { api_keys: [{ name: "lab", key: "key-of-the-lab" }] },
    },
    env: { ...SOON, OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test%20lab" },
  });
  const response = await fetch(`${fleet.router.url}/v1/chat/completions?a=b`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: "Bearer key-of-the-lab",
      "x-request-id": "request-1",
    },
    body: JSON.stringify({
      model: MODEL,
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 5,
      ignore_eos: true,
      messages: [{ role: "user", content: "a secret question" }],
    }),
  });
  const answer = await response.text();
  assert.equal(eventsOf(answer).at(-1), "[DONE]");
  const spans = await collector.spansOf(2);
  const [request] = ofKind(spans, SERVER);
  const [attempt] = ofKind(spans, CLIENT);
  assert.equal(spans.length, 2);
  assert.equal(request!.name, `chat ${MODEL}`);
  assert.equal(request!.parentSpanId, undefined);
  assert.equal(attempt!.parentSpanId, request!.spanId);
  assert.equal(attempt!.traceId, request!.traceId);
  assert.deepEqual(request!.status, {});
  const { "gen_ai.response.time_to_first_chunk": first, ...rest } = request!.attributes;
  assert.ok(Number(first) > 0);
  assert.deepEqual(rest, {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.stream": true,
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": rest["gen_ai.response.id"],
    "gen_ai.response.finish_reasons": ["length"],
    "gen_ai.usage.input_tokens": rest["gen_ai.usage.input_tokens"],
    "gen_ai.usage.output_tokens": 5n,
    "http.request.method": "POST",
    "url.path": "/v1/chat/completions",
    "http.response.status_code": 200n,
    "vllm_router.request.id": "request-1",
    "vllm_router.key.name": "lab",
    "vllm_router.server.name": attempt!.attributes["vllm_router.server.name"],
    "vllm_router.outcome": "ok",
    "vllm_router.attempts": 1n,
  });
  assert.match(String(rest["gen_ai.response.id"]), /^chatcmpl-/);
  assert.ok(rest["gen_ai.usage.input_tokens"] as bigint > 0n);
  const { port } = new URL(fleet.simulators[0]!.url);
  const { "vllm_router.decision": decision, ...ofAttempt } = attempt!.attributes;
  assert.match(String(decision), /^least_work, 1 of 1: /);
  assert.deepEqual(ofAttempt, {
    "server.address": "127.0.0.1",
    "server.port": BigInt(port),
    "http.response.status_code": 200n,
    "gen_ai.response.time_to_first_chunk": ofAttempt["gen_ai.response.time_to_first_chunk"],
    "vllm_router.server.name": `127.0.0.1:${port}`,
    "vllm_router.attempt.number": 1n,
    "vllm_router.attempt.is_continuation": false,
    "vllm_router.outcome": "ok",
  });
  assert.ok(Number(ofAttempt["gen_ai.response.time_to_first_chunk"]) > 0);
  assert.ok(BigInt(request!.startTimeUnixNano) <= BigInt(attempt!.startTimeUnixNano));
  assert.ok(BigInt(attempt!.endTimeUnixNano) <= BigInt(request!.endTimeUnixNano));
  const resource = collector.resource();
  assert.equal(resource["service.name"], "gateway");
  assert.equal(resource["deployment.environment.name"], "test lab");
  const everything = JSON.stringify(
    [spans, resource],
    (_, value) => typeof value === "bigint" ? String(value) : value,
  );
  assert.doesNotMatch(everything, /secret question|key-of-the-lab/);
  assert.equal(response.headers.get("x-router-decision"), null, "only debug_headers sends it");
});

Deno.test("a caller's trace goes on, with the attempt's own id at the server", async () => {
  await using collector = startOtlpReceiver();
  await using echo = startEcho();
  await using router = await startRouter([{ url: echo.url }], {}, {}, {
    tracing: { endpoint: collector.url },
  }, SOON);
  await post(router.url, { traceparent: SAMPLED, tracestate: "a=1, b=2" });
  const spans = await collector.spansOf(2, TRACE);
  const [request] = ofKind(spans, SERVER);
  const [attempt] = ofKind(spans, CLIENT);
  assert.equal(request!.parentSpanId, CALLER);
  assert.equal(request!.traceState, "a=1,b=2");
  assert.equal(attempt!.parentSpanId, request!.spanId);
  const [got] = echo.received;
  assert.equal(got!.get("traceparent"), `00-${TRACE}-${attempt!.spanId}-01`);
  assert.equal(got!.get("tracestate"), "a=1,b=2");
});

Deno.test("an invalid traceparent begins a new trace, without the caller's tracestate", async () => {
  await using collector = startOtlpReceiver();
  await using echo = startEcho();
  await using router = await startRouter([{ url: echo.url }], {}, {}, {
    tracing: { endpoint: collector.url },
  }, SOON);
  await post(router.url, { traceparent: SAMPLED.toUpperCase(), tracestate: "a=1" });
  const spans = await collector.spansOf(2);
  assert.notEqual(spans[0]!.traceId, TRACE);
  assert.equal(ofKind(spans, SERVER)[0]!.parentSpanId, undefined);
  const [got] = echo.received;
  assert.equal(got!.get("traceparent")!.slice(3, 35), spans[0]!.traceId);
  assert.equal(got!.get("tracestate"), null);
});

Deno.test("a trace that its caller doesn't sample has ids and no spans", async () => {
  await using collector = startOtlpReceiver();
  await using echo = startEcho();
  await using router = await startRouter([{ url: echo.url }], {}, {}, {
    tracing: { endpoint: collector.url },
  }, SOON);
  await post(router.url, { traceparent: UNSAMPLED });
  await post(router.url, {});
  const spans = await collector.spansOf(2);
  assert.ok(spans.every(({ traceId }) => traceId !== TRACE));
  const sent = echo.received[0]!.get("traceparent")!;
  assert.match(sent, new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  assert.notEqual(sent.slice(36, 52), CALLER);
});

Deno.test("a ratio of 0 samples only what callers sample", async () => {
  await using collector = startOtlpReceiver();
  await using echo = startEcho();
  await using router = await startRouter([{ url: echo.url }], {}, {}, {
    tracing: { endpoint: collector.url, sample_ratio: 0 },
  }, SOON);
  await post(router.url, {});
  await post(router.url, { traceparent: SAMPLED });
  await collector.spansOf(2, TRACE);
  assert.equal(collector.spans.length, 2);
  assert.match(echo.received[0]!.get("traceparent")!, /-00$/);
});

Deno.test("without tracing, the client's headers pass and none is added", async () => {
  await using echo = startEcho();
  await using router = await startRouter([{ url: echo.url }]);
  const headers = { traceparent: "anything", tracestate: "a=1" };
  await post(router.url, headers);
  await post(router.url, {});
  const [first, second] = echo.received;
  assert.equal(first!.get("traceparent"), "anything");
  assert.equal(first!.get("tracestate"), "a=1");
  assert.equal(second!.get("traceparent"), null);
});

Deno.test("each attempt of a request that fails over has a span, with its outcome", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "status", status: 500 } }, {}],
    settings: { policy: "round_robin" },
    tables: { tracing: { endpoint: collector.url } },
    env: SOON,
  });
  for (let i = 0; i < 2; i++) await (await ask(fleet.router.url)).text();
  const spans = await collector.spansOf(5);
  const request = ofKind(spans, SERVER).find(({ attributes }) =>
    attributes["vllm_router.attempts"] === 2n
  )!;
  const attempts = ofKind(spans, CLIENT).filter(({ traceId }) => traceId === request.traceId);
  const [first, second] = attempts;
  assert.equal(first!.attributes["vllm_router.outcome"], "bad_status");
  assert.equal(first!.attributes["error.type"], "bad_status");
  assert.equal(first!.attributes["http.response.status_code"], 500n);
  assert.deepEqual(first!.status, { code: 2, message: "it answered 500" });
  assert.equal(second!.attributes["vllm_router.attempt.number"], 2n);
  assert.deepEqual(second!.status, {});
  assert.deepEqual(request.status, {});
  assert.ok(attempts.every(({ parentSpanId }) => parentSpanId === request.spanId));
});

Deno.test("a stream that another server goes on with has a span for each server", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "reset_mid_stream", times: 1 } }, {}],
    settings: { policy: "round_robin" },
    tables: { tracing: { endpoint: collector.url } },
    env: SOON,
  });
  for (let i = 0; i < 2; i++) {
    const response = await ask(fleet.router.url, { tokens: 8, stream: true });
    assert.equal(eventsOf(await response.text()).at(-1), "[DONE]");
  }
  const spans = await collector.spansOf(5);
  const request = ofKind(spans, SERVER).find(({ attributes }) =>
    attributes["vllm_router.continuations"] === 1n
  )!;
  const attempts = ofKind(spans, CLIENT).filter(({ traceId }) => traceId === request.traceId);
  assert.deepEqual(
    attempts.map(({ attributes }) => [
      attributes["vllm_router.attempt.number"],
      attributes["vllm_router.attempt.is_continuation"],
      attributes["vllm_router.outcome"],
    ]),
    [[1n, false, "truncated"], [2n, true, "ok"]],
  );
  assert.deepEqual(request.attributes["gen_ai.response.finish_reasons"], ["length"]);
  assert.match(String(request.attributes["gen_ai.response.id"]), /^chatcmpl-/);
  for (const { attributes, parentSpanId } of attempts) {
    assert.equal(parentSpanId, request.spanId);
    assert.match(String(attributes["vllm_router.decision"]), /^round_robin, /);
    assert.ok(Number(attributes["gen_ai.response.time_to_first_chunk"]) > 0);
  }
});

Deno.test("a stream whose end the router wrote has the finish reason that it wrote", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "reset_mid_stream", afterTokens: 8 } }],
    tables: { tracing: { endpoint: collector.url } },
    env: SOON,
  });
  const response = await ask(fleet.router.url, { tokens: 8, stream: true });
  assert.equal(eventsOf(await response.text()).at(-1), "[DONE]");
  const [request] = ofKind(await collector.spansOf(2), SERVER);
  assert.equal(request!.attributes["vllm_router.continuations"], undefined);
  assert.deepEqual(request!.attributes["gen_ai.response.finish_reasons"], ["length"]);
});

Deno.test("a client that leaves is no error of the request, and is named", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{ speed: 1 }],
    tables: { tracing: { endpoint: collector.url } },
    env: SOON,
  });
  const leaving = new AbortController();
  const { signal } = leaving;
  const response = await ask(fleet.router.url, { tokens: 500, stream: true, signal });
  const reader = response.body!.getReader();
  await reader.read();
  leaving.abort();
  await reader.closed.catch(() => {});
  for (const { attributes, status } of await collector.spansOf(2)) {
    assert.equal(attributes["vllm_router.outcome"], "client_closed");
    assert.equal(attributes["error.type"], "client_closed");
    assert.deepEqual(status, {});
  }
});

Deno.test("requests that reach no server have a span of their own", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{}],
    tables: {
      tracing: { endpoint: collector.url },
      auth: { api_keys: [{ name: "lab", key: "key-of-the-lab" }] },
    },
    env: SOON,
  });
  const authorization = "Bearer key-of-the-lab";
  const { url } = fleet.router;
  assert.equal(await post(url, {}), 401);
  const unknown = await fetch(`${url}/v1/embeddings`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization },
    body: JSON.stringify({ model: "nobody-has-it", input: "a" }),
  });
  await unknown.body?.cancel();
  assert.equal(unknown.status, 404);
  fleet.router.fleet.setDrained(fleet.router.fleet.servers[0]!.config.name, true);
  assert.equal(await post(url, { authorization }), 503);
  const spans = await collector.spansOf(3);
  const byStatus = new Map(
    spans.map((span) => [Number(span.attributes["http.response.status_code"]), span]),
  );
  for (const [code, span] of byStatus) {
    assert.equal(span.kind, SERVER);
    assert.equal(span.attributes["error.type"], String(code));
    assert.equal(span.attributes["vllm_router.outcome"], "rejected");
  }
  assert.deepEqual(byStatus.get(401)!.status, {}, "a client's error is none of the server span");
  assert.equal(byStatus.get(503)!.status.code, 2);
  assert.equal(byStatus.get(404)!.name, "embeddings", "a name that nobody knows names no span");
  assert.equal(byStatus.get(404)!.attributes["gen_ai.request.model"], "nobody-has-it");
});

Deno.test("a session is traced like a request", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{}],
    tables: { tracing: { endpoint: collector.url } },
    env: SOON,
  });
  const url = `${fleet.router.url.replace("http", "ws")}/v1/realtime?model=${MODEL}`;
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.onopen = resolve);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
  const spans = await collector.spansOf(2);
  const [request] = ofKind(spans, SERVER);
  const [attempt] = ofKind(spans, CLIENT);
  assert.equal(request!.name, `GET /v1/realtime ${MODEL}`);
  assert.equal(attempt!.parentSpanId, request!.spanId);
  assert.equal(attempt!.attributes["http.response.status_code"], 101n);
});

Deno.test("OTEL_SDK_DISABLED switches tracing off, whatever the file says", async () => {
  await using collector = startOtlpReceiver();
  await using fleet = await startFleet({
    servers: [{}],
    tables: { tracing: { endpoint: collector.url } },
    env: { OTEL_SDK_DISABLED: "true" },
  });
  await (await ask(fleet.router.url)).body?.cancel();
  await fleet.router.shutdown();
  assert.equal(collector.requests.length, 0);
});

Deno.test("a collector that is away costs requests nothing, and the spans are counted", async () => {
  await using fleet = await startFleet({
    servers: [{}],
    tables: { tracing: { endpoint: deadUrl() } },
    env: { OTEL_BSP_MAX_QUEUE_SIZE: "4" },
  });
  for (let i = 0; i < 5; i++) {
    assert.equal((await (await ask(fleet.router.url)).json()).object, "chat.completion");
  }
  const dropped = /^vllm_router_spans_dropped_total\{reason="queue_full"\} 6$/m;
  await until(
    "the spans are counted",
    async () => dropped.test(await (await fetch(`${fleet.router.url}/metrics`)).text()),
  );
});

Deno.test("a collector with a certificate of its own CA gets spans over TLS", async () => {
  const authority = await createAuthority();
  await using collector = startOtlpReceiver(0, await authority.issue());
  await using echo = startEcho();
  await using router = await startRouter([{ url: echo.url }], {}, { "ca.pem": authority.ca }, {
    tracing: { endpoint: collector.url },
  }, { ...SOON, OTEL_EXPORTER_OTLP_CERTIFICATE: "ca.pem" });
  await post(router.url, {});
  await collector.spansOf(2);
});
