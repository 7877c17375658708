import assert from "node:assert/strict";
import type { Tracing } from "../../src/config/tracing_settings.ts";
import { openRecord } from "../../src/proxy/request_record.ts";
import { type RunningTracing, startTracing } from "../../src/tracing/start_tracing.ts";
import { clientAs } from "../support/client.ts";
import { type OtlpReceiver, spansIn, startOtlpReceiver } from "../support/otlp_receiver.ts";
import { until } from "../support/until.ts";
import { deadUrl, startSilent } from "../support/upstream.ts";

const record = {
  ...openRecord({ id: "1", client: clientAs(), method: "POST", path: "/v1/completions" }),
  status: 200,
  outcome: "ok",
} as const;

const settings = { sessionHeader: "x-session-id" };

const tracingTo = (base: string, more: Partial<Tracing> = {}): Tracing => ({
  url: `${base}/v1/traces`,
  protocol: "http/protobuf",
  headers: [["authorization", "Bearer token"]],
  timeoutMs: 10_000,
  gzip: false,
  sampler: { ratio: 1, isParentBased: true },
  resource: { "service.name": "router" },
  maxQueue: 2_048,
  maxBatch: 512,
  delayMs: 1,
  ...more,
});

/** Tracing of requests that are only their spans, and what its listener heard. */
function start(tracing: Tracing) {
  const heard = {
    exported: 0,
    dropped: { queue_full: 0, rejected: 0, shutdown: 0 },
    failed: [] as string[],
    recovered: [] as number[],
  };
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  const running: RunningTracing = startTracing({ tracing, settings }, {
    connect: () => (url, init) => fetch(url, { ...init, client, redirect: "manual" }),
    version: "1.2.3",
    listener: {
      spansExported: (count) => void (heard.exported += count),
      spansDropped: (reason, count) => void (heard.dropped[reason] += count),
      spansFailed: (why) => void heard.failed.push(why),
      spansRecovered: (_afterMs, lost) => void heard.recovered.push(lost),
    },
  });
  return {
    ...running,
    heard,
    /** Takes this many requests. */
    requests(count: number) {
      for (let i = 0; i < count; i++) running.tracer()!(new Headers()).end(record);
    },
    async [Symbol.asyncDispose]() {
      await running.stop();
      client.close();
    },
  };
}

/** Counts how many requests a collector answers at once, and what each brings. */
function watch(collector: OtlpReceiver, answer: () => Promise<Response> | Response) {
  const seen = { atOnce: 0, most: 0, sizes: [] as number[] };
  collector.answer = async (request) => {
    seen.most = Math.max(seen.most, ++seen.atOnce);
    seen.sizes.push((await spansIn(request)).length);
    const response = await answer();
    seen.atOnce--;
    return response;
  };
  return seen;
}

Deno.test("spans go out in batches, one at a time, to a collector that is slow", async () => {
  await using collector = startOtlpReceiver();
  const seen = watch(collector, async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return Response.json({});
  });
  await using tracing = start(tracingTo(collector.url));
  tracing.requests(1_200);
  await until("all are exported", () => tracing.heard.exported === 1_200);
  assert.deepEqual(seen.sizes, [512, 512, 176]);
  assert.equal(seen.most, 1);
  assert.equal(collector.requests[0]!.get("authorization"), "Bearer token");
});

Deno.test("an export is valid in both encodings, compressed or not", async () => {
  for (
    const [protocol, type, gzip] of [
      ["http/protobuf", "application/x-protobuf", false],
      ["http/protobuf", "application/x-protobuf", true],
      ["http/json", "application/json", false],
      ["http/json", "application/json", true],
    ] as const
  ) {
    await using collector = startOtlpReceiver();
    await using tracing = start(tracingTo(collector.url, { protocol, gzip }));
    tracing.requests(1);
    const [span] = await collector.spansOf(1);
    assert.equal(span!.name, "text_completion");
    assert.equal(collector.requests[0]!.get("content-type"), type);
    assert.equal(collector.requests[0]!.get("content-encoding"), gzip ? "gzip" : null);
    assert.equal(collector.resource()["service.version"], "1.2.3");
  }
});

Deno.test("a collector that is away holds up to a limit of spans; what is dropped is counted", async () => {
  await using tracing = start(tracingTo(deadUrl(), { maxQueue: 100, maxBatch: 10 }));
  tracing.requests(500);
  await until("an export failed", () => tracing.heard.failed.length > 0);
  tracing.requests(500);
  assert.deepEqual(tracing.heard.dropped, { queue_full: 900, rejected: 0, shutdown: 0 });
  assert.equal(tracing.heard.failed.length, 1);
  assert.match(tracing.heard.failed[0]!, /refused/i);
  await tracing.stop();
  assert.deepEqual(tracing.heard.dropped, { queue_full: 900, rejected: 0, shutdown: 100 });
  assert.equal(tracing.heard.exported, 0);
});

Deno.test("a collector that never answers loses its turn, not the spans", async () => {
  await using silent = startSilent();
  await using tracing = start(tracingTo(silent.url, { timeoutMs: 20 }));
  tracing.requests(3);
  await until("the export failed", () => tracing.heard.failed.length > 0);
  assert.deepEqual(tracing.heard.failed, ["no answer within 0.02 s"]);
  assert.deepEqual(tracing.heard.dropped, { queue_full: 0, rejected: 0, shutdown: 0 });
});

Deno.test("a collector that never answers holds a stop up for a few seconds", async () => {
  await using silent = startSilent();
  await using tracing = start(tracingTo(silent.url, { timeoutMs: 600_000 }));
  tracing.requests(3);
  const started = performance.now();
  await tracing.stop();
  assert.ok(performance.now() - started < 60_000);
  assert.equal(tracing.heard.dropped.shutdown, 3);
});

Deno.test("spans that a collector has no time for are sent again when it asks for it", async () => {
  await using collector = startOtlpReceiver();
  let refusals = 0;
  collector.answer = async (request) => {
    await request.body?.cancel();
    if (++refusals === 2) collector.answer = undefined;
    const status = refusals === 1 ? 429 : 503;
    return new Response("busy", { status, headers: { "retry-after": "1" } });
  };
  await using tracing = start(tracingTo(collector.url));
  tracing.requests(3);
  await collector.spansOf(3);
  await until("they are counted", () => tracing.heard.exported === 3);
  assert.equal(new Set(collector.spans.map(({ spanId }) => spanId)).size, 3);
  assert.deepEqual(tracing.heard.failed, ["it answered 429: busy"]);
  assert.deepEqual(tracing.heard.recovered, [0]);
  assert.equal(collector.requests.length, 3, "it waits as long as it is asked to");
});

Deno.test("spans that a collector refuses are dropped, with one warning until it takes some", async () => {
  await using collector = startOtlpReceiver();
  const statuses = [400, 413, 302];
  const seen = watch(collector, () => new Response("no", { status: statuses.shift()! }));
  await using tracing = start(tracingTo(collector.url, { maxBatch: 1 }));
  tracing.requests(3);
  await until("they are dropped", () => tracing.heard.dropped.rejected === 3);
  assert.equal(seen.sizes.length, 3);
  collector.answer = undefined;
  tracing.requests(1);
  await collector.spansOf(1);
  await until("it is counted", () => tracing.heard.recovered.length === 1);
  assert.deepEqual(tracing.heard.failed, ["it answered 400: no"]);
  assert.deepEqual(tracing.heard.recovered, [3]);
});

Deno.test("spans that a collector rejects of a batch are counted", async () => {
  await using collector = startOtlpReceiver();
  const partialSuccess = { rejectedSpans: "2", errorMessage: "too old" };
  watch(collector, () => Response.json({ partialSuccess }));
  await using tracing = start(tracingTo(collector.url, { maxBatch: 5 }));
  tracing.requests(10);
  await until("both batches are counted", () => tracing.heard.exported === 6);
  assert.equal(tracing.heard.dropped.rejected, 4);
  assert.deepEqual(tracing.heard.failed, ["it rejected 2 spans: too old"]);
});

Deno.test("spans that a collector rejects by protobuf are counted", async () => {
  await using collector = startOtlpReceiver();
  // Three spans, "too old".
  const body = Uint8Array.fromBase64("CgsIAxIHdG9vIG9sZA==");
  const headers = { "content-type": "application/x-protobuf" };
  watch(collector, () => new Response(body, { headers }));
  await using tracing = start(tracingTo(collector.url));
  tracing.requests(5);
  await until("the batch is counted", () => tracing.heard.exported === 2);
  assert.equal(tracing.heard.dropped.rejected, 3);
  assert.deepEqual(tracing.heard.failed, ["it rejected 3 spans: too old"]);
});

Deno.test("the answer of a collector is read up to a limit and need not make sense", async () => {
  await using collector = startOtlpReceiver();
  let ended = false;
  watch(collector, () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(16_384).fill(0x61)),
        cancel: () => void (ended = true),
      }),
    ));
  await using tracing = start(tracingTo(collector.url));
  tracing.requests(1);
  await until("it is counted", () => tracing.heard.exported === 1 && ended);
});

Deno.test("a stop sends what is left", async () => {
  await using collector = startOtlpReceiver();
  await using tracing = start(tracingTo(collector.url, { delayMs: 3_600_000 }));
  tracing.requests(600);
  const trace = tracing.tracer()!(new Headers());
  await tracing.stop();
  assert.equal(collector.spans.length, 600);
  trace.end(record);
  assert.equal(tracing.heard.dropped.shutdown, 1, "a request that outlives the tracing");
});

Deno.test("a changed configuration is applied, also to requests that have begun", async () => {
  await using first = startOtlpReceiver();
  await using second = startOtlpReceiver();
  await using tracing = start(tracingTo(first.url));
  tracing.requests(1);
  await first.spansOf(1);
  const trace = tracing.tracer()!(new Headers());
  tracing.update({
    settings,
    tracing: tracingTo(second.url, { sampler: { ratio: 0, isParentBased: true } }),
  });
  assert.equal(tracing.tracer()!(new Headers()).isSampled, false);
  trace.end(record);
  await second.spansOf(1, trace.id);
});

Deno.test("spans that are left when tracing is switched off are sent", async () => {
  await using collector = startOtlpReceiver();
  await using tracing = start(tracingTo(collector.url));
  const trace = tracing.tracer()!(new Headers());
  tracing.update({ settings });
  assert.equal(tracing.tracer(), undefined);
  trace.end(record);
  await collector.spansOf(1, trace.id);
});

Deno.test("what isn't traced asks for no connection", () => {
  const never = () => assert.fail("no export");
  const listener = {
    spansExported: never,
    spansDropped: never,
    spansFailed: never,
    spansRecovered: never,
  };
  const { tracer } = startTracing({ settings }, { connect: never, listener, version: "1" });
  assert.equal(tracer(), undefined);
});
