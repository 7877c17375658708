import assert from "node:assert/strict";
import { createMetrics } from "../../src/monitor/metrics.ts";
import { openRecord, type RequestRecord } from "../../src/proxy/request_record.ts";
import { workSnapshotOf } from "../support/work.ts";
import { ask, startFleet } from "../support/fleet.ts";
import { keyOf } from "../support/access.ts";
import { configOf } from "../support/config.ts";
import { exportedMetrics } from "../deploy/exported.ts";
import { scrapeOf, snapshotWith } from "./views.ts";
import { clientAs } from "../support/client.ts";

const A = { url: "http://gpu-1:8000", name: "gpu-1" };
const B = { url: "http://gpu-2:8000", name: "gpu-2" };
const record: RequestRecord = {
  ...openRecord({ id: "1", client: clientAs({ address: "::1" }), method: "POST", path: "/" }),
  model: "m",
  server: A.name,
  attempts: 1,
  status: 200,
  outcome: "ok",
};

const models = new Map([["m", { id: "m" }]]);

function starting(servers: Parameters<typeof snapshotWith>[0] = [{ ...A, models }]) {
  let shown = snapshotWith(servers);
  const { listener, page } = createMetrics(() => shown, "1.2.3");
  return {
    listener,
    page,
    show: (...servers: Parameters<typeof snapshotWith>[0]) => void (shown = snapshotWith(servers)),
    /** The lines of a metric's samples, without the common prefix. */
    samples: async (name: string) =>
      (await page()).split("\n").filter((line) => line.startsWith(`vllm_router_${name}`)).map(
        (line) => line.slice("vllm_router_".length),
      ),
  };
}

Deno.test("all of a page is taken at one moment", async () => {
  let asked = 0;
  const { page } = createMetrics(() => (asked++, snapshotWith([A, B])), "1.2.3");
  await page();
  assert.equal(asked, 1);
  await page();
  assert.equal(asked, 2);
});

Deno.test("other work gets its turn while the page of thousands of servers is built", async () => {
  const servers = Array.from({ length: 2_000 }, (_, index) => {
    const url = `http://gpu-${index}`;
    return { url, name: url };
  });
  const snapshot = snapshotWith(servers);
  const { page } = createMetrics(() => snapshot, "1.2.3");
  let turns = 0;
  const timer = setInterval(() => turns++);
  await page();
  clearInterval(timer);
  assert.ok(turns > 0);
});

Deno.test("pages that are asked for at the same time are of one moment each", async () => {
  const moments = [[A], [A, B]];
  const { page } = createMetrics(() => snapshotWith(moments.shift()!), "1.2.3");
  const pages = await Promise.all([page(), page()]);
  const count = (text: string, name: string) => text.split(`\nvllm_router_${name}{`).length - 1;
  assert.deepEqual(pages.map((text) => count(text, "server_info")), [1, 2]);
  assert.deepEqual(pages.map((text) => count(text, "server_load")), [1, 2]);
});

Deno.test("every metric is exported under its name, with its type and labels", async () => {
  const ofTarget = ["job", "instance"];
  const metrics = [...await exportedMetrics()].map(([name, { type, labels }]) => [
    name.replace("vllm_router_", ""),
    type,
    [...labels].filter((label) => !ofTarget.includes(label)).join(),
  ]);
  assert.deepEqual(metrics.sort(), [
    ["attempts_total", "counter", "server,outcome"],
    ["build_info", "gauge", "version"],
    ["client_disconnects_total", "counter", "stage"],
    ["config_last_reload_successful", "gauge", ""],
    ["config_reloads_total", "counter", "outcome"],
    ["connection_failures_total", "counter", "reason"],
    ["discovery_failed_since_timestamp_seconds", "gauge", "source"],
    ["discovery_servers", "gauge", "source"],
    ["discovery_up", "gauge", "source"],
    ["event_loop_lag_seconds", "histogram", "le"],
    ["failovers_total", "counter", "reason"],
    ["in_flight", "gauge", "server"],
    ["inter_token_latency_seconds", "histogram", "le"],
    ["key_limit_usage", "gauge", "key"],
    ["key_rejections_total", "counter", "key,limit"],
    ["key_requests_total", "counter", "key,code"],
    ["key_tokens_total", "counter", "key,model,kind"],
    ["model_servers", "gauge", "model"],
    ["open_connections", "gauge", ""],
    ["overhead_seconds", "histogram", "le"],
    ["peer_up", "gauge", "peer"],
    ["process_cpu_seconds_total", "counter", ""],
    ["process_resident_memory_bytes", "gauge", ""],
    ["process_start_time_seconds", "gauge", ""],
    ["request_duration_seconds", "histogram", "le"],
    ["requests_failed_total", "counter", "model,server,reason"],
    ["requests_total", "counter", "model,server,code"],
    ["retries_held_back_total", "counter", ""],
    ["server_info", "gauge", "server,url"],
    ["server_kv_cache_usage", "gauge", "server"],
    ["server_load", "gauge", "server"],
    ["server_pending_prefill_tokens", "gauge", "server"],
    ["server_predicted_prefix_hit_rate", "gauge", "server"],
    ["server_prefill_tokens_per_second", "gauge", "server"],
    ["server_prefix_blocks", "gauge", "server"],
    ["server_prefix_hit_rate", "gauge", "server"],
    ["server_running", "gauge", "server"],
    ["server_state", "gauge", "server,state"],
    ["server_state_since_timestamp_seconds", "gauge", "server"],
    ["server_up", "gauge", "server"],
    ["server_waiting", "gauge", "server"],
    ["spans_dropped_total", "counter", "reason"],
    ["spans_exported_total", "counter", ""],
    ["streams_broken_total", "counter", "reason"],
    ["streams_continued_total", "counter", ""],
    ["time_to_first_token_seconds", "histogram", "le,model"],
    ["tokens_total", "counter", "model,kind"],
    ["turned_away_total", "counter", "reason"],
  ]);
});

Deno.test("the help of similar metrics explains how they differ", async () => {
  const page = await starting().page();
  const help = (name: string) =>
    new RegExp(`^# HELP vllm_router_${name} (.*)$`, "m").exec(page)![1]!;
  assert.match(help("server_pending_prefill_tokens"), /this router's own requests/);
  assert.match(help("server_predicted_prefix_hit_rate"), /at the last comparison/);
  assert.match(help("server_prefix_hit_rate"), /at the last comparison.* last minute/);
});

Deno.test("a request is counted when it ends, by model, server and status", async () => {
  const { listener, samples } = starting();
  listener.closed!(record);
  listener.closed!(record);
  listener.closed!({ ...record, status: 404, outcome: "client_error" });
  assert.deepEqual(await samples("requests_total"), [
    `requests_total{model="m",server="${A.name}",code="200"} 2`,
    `requests_total{model="m",server="${A.name}",code="404"} 1`,
  ]);
});

Deno.test("a failed request is counted by the server asked last and by the reason", async () => {
  const { listener, samples } = starting([{ ...A, models }, { ...B, models }]);
  const failed = { ...record, server: undefined, lastServer: B.name, status: 502 } as const;
  listener.closed!({ ...failed, outcome: "truncated" });
  listener.closed!({ ...failed, outcome: "backpressure", status: 429 });
  const rejected = { ...record, server: undefined, attempts: 0, outcome: "rejected" } as const;
  listener.closed!({ ...rejected, status: 503 });
  listener.closed!({ ...rejected, status: 429 });
  listener.closed!({ ...record, outcome: "ok" });
  listener.closed!({ ...record, outcome: "client_error", status: 404 });
  listener.closed!({ ...record, outcome: "client_closed", status: 499 });
  assert.deepEqual(await samples("requests_failed_total"), [
    `requests_failed_total{model="m",server="${B.name}",reason="truncated"} 1`,
    `requests_failed_total{model="m",server="${B.name}",reason="backpressure"} 1`,
    `requests_failed_total{model="unknown",server="",reason="rejected"} 1`,
  ]);
});

Deno.test("a request for a listed model that no server could take is counted under its model", async () => {
  const { listener, page, samples } = starting();
  await page();
  listener.closed!({ ...record, server: undefined, attempts: 0, outcome: "rejected", status: 503 });
  assert.deepEqual(await samples("requests_total"), [
    `requests_total{model="m",server="",code="503"} 1`,
  ]);
});

Deno.test("a server has one state, and the time since when", async () => {
  const { show, samples } = starting([{ ...A, state: "stalled", stateSince: 1_800_000_000_400 }]);
  const current = async () =>
    (await samples("server_state{")).filter((line) => line.endsWith(" 1"));
  assert.equal((await samples("server_state{")).length, 9);
  assert.deepEqual(await current(), [`server_state{server="gpu-1",state="stalled"} 1`]);
  assert.deepEqual(await samples("server_state_since"), [
    `server_state_since_timestamp_seconds{server="gpu-1"} 1800000000`,
  ]);
  show({ ...A, state: "healthy" });
  assert.deepEqual(await current(), [`server_state{server="gpu-1",state="healthy"} 1`]);
});

Deno.test("servers that take requests are counted by model, and a model without any has 0", async () => {
  const modelsOf = (...names: string[]) => new Map(names.map((id) => [id, { id }]));
  const { samples } = starting([
    { ...A, state: "healthy", models: modelsOf("m") },
    { ...B, state: "unhealthy", models: modelsOf("m", "adapter") },
    { url: "http://gpu-3", name: "gpu-3", state: "draining", models: modelsOf("old") },
  ]);
  assert.deepEqual(await samples("model_servers"), [
    `model_servers{model="m"} 1`,
    `model_servers{model="adapter"} 0`,
  ]);
});

Deno.test("the used share of a key's limits is read for each page; a key without limits has none", async () => {
  let share = 0.25;
  const keys = {
    list: () => [keyOf("lab"), keyOf("free")],
    shareOf: ({ name }: { name: string }) => name === "lab" ? share : undefined,
  };
  const { page } = createMetrics(() => snapshotWith([A]), "1.2.3", { keys });
  const usage = async () => (await page()).match(/^vllm_router_key_limit_usage\{.*$/gm);
  assert.deepEqual(await usage(), [`vllm_router_key_limit_usage{key="lab"} 0.25`]);
  share = 1;
  assert.deepEqual(await usage(), [`vllm_router_key_limit_usage{key="lab"} 1`]);
});

Deno.test("the last reload is unsuccessful until a valid configuration is read", async () => {
  const { listener, samples } = starting();
  const name = "config_last_reload_successful";
  assert.deepEqual(await samples(name), [`${name} 1`]);
  listener.notReloaded!([]);
  assert.deepEqual(await samples(name), [`${name} 0`]);
  listener.reloaded!(configOf([A]), []);
  assert.deepEqual(await samples(name), [`${name} 1`]);
});

Deno.test("times are in seconds", async () => {
  const { listener, samples } = starting();
  listener.chosen!(2);
  listener.firstToken!(A, 100, 250, "m");
  listener.nextToken!(30);
  listener.closed!({ ...record, durationMs: 1_500 });
  for (
    const [name, sum] of [
      ["overhead_seconds", "0.002"],
      ["time_to_first_token_seconds", "0.25"],
      ["inter_token_latency_seconds", "0.03"],
      ["request_duration_seconds", "1.5"],
    ]
  ) {
    const labels = name === "time_to_first_token_seconds" ? '{model="m"}' : "";
    assert.deepEqual(await samples(`${name}_sum`), [`${name}_sum${labels} ${sum}`]);
    assert.deepEqual(await samples(`${name}_count`), [`${name}_count${labels} 1`]);
  }
});

Deno.test("tokens are counted as answers report them", async () => {
  const { listener, samples } = starting();
  listener.closed!({ ...record, usage: { promptTokens: 7, completionTokens: 3 } });
  listener.closed!({ ...record, usage: { promptTokens: 5, completionTokens: 0 } });
  listener.closed!(record);
  assert.deepEqual(await samples("tokens_total"), [
    `tokens_total{model="m",kind="prompt"} 12`,
    `tokens_total{model="m",kind="completion"} 3`,
  ]);
});

Deno.test("client disconnects are counted by the stage of the request", async () => {
  const { listener, samples } = starting();
  const left = { ...record, status: 499, outcome: "client_closed" } as const;
  listener.closed!({ ...left, attempts: 0 });
  listener.closed!(left);
  listener.closed!({ ...left, bytes: 10 });
  listener.closed!(record);
  assert.deepEqual(await samples("client_disconnects_total"), [
    `client_disconnects_total{stage="upload"} 1`,
    `client_disconnects_total{stage="waiting"} 1`,
    `client_disconnects_total{stage="streaming"} 1`,
  ]);
});

Deno.test("attempts, failovers and reloads are counted by outcome or reason", async () => {
  const { listener, samples } = starting([A, B]);
  listener.attemptEnded!(A, "timeout");
  listener.attemptEnded!(B, "ok");
  listener.failover!({ id: "1", from: A.name, to: B.name, reason: "timeout" });
  listener.reloaded!(configOf([A]), []);
  listener.notReloaded!([]);
  assert.deepEqual(await samples("attempts_total"), [
    `attempts_total{server="${A.name}",outcome="timeout"} 1`,
    `attempts_total{server="${B.name}",outcome="ok"} 1`,
  ]);
  assert.deepEqual(await samples("failovers_total"), [`failovers_total{reason="timeout"} 1`]);
  assert.deepEqual(await samples("config_reloads_total"), [
    `config_reloads_total{outcome="ok"} 1`,
    `config_reloads_total{outcome="invalid"} 1`,
  ]);
});

Deno.test("retries denied by the budget are counted", async () => {
  const { listener, samples } = starting();
  assert.deepEqual(await samples("retries_held_back_total"), ["retries_held_back_total 0"]);
  listener.retryDenied!();
  listener.retryDenied!();
  assert.deepEqual(await samples("retries_held_back_total"), ["retries_held_back_total 2"]);
});

Deno.test("a server is up only if requests are routed to it", async () => {
  const states = ["half-open", "stalled", "sleeping", "checking", "unhealthy", "healthy"] as const;
  const { samples } = starting(
    states.map((state) => ({ url: `http://${state}`, name: state, state })),
  );
  assert.deepEqual(
    await samples("server_up{"),
    states.map((state) =>
      `server_up{server="${state}"} ${["half-open", "healthy"].includes(state) ? 1 : 0}`
    ),
  );
});

Deno.test("a server is labelled by its name, and one metric has its address", async () => {
  const { listener, show, page, samples } = starting([{ ...A, models }]);
  listener.attemptEnded!(A, "ok");
  listener.closed!(record);
  assert.deepEqual(await samples("server_info"), [
    `server_info{server="gpu-1",url="http://gpu-1:8000"} 1`,
  ]);
  assert.equal([...(await page()).matchAll(/http:\/\/gpu-1/g)].length, 1);
  show({ ...A, name: "renamed", models });
  assert.doesNotMatch(await page(), /server="gpu-1"/);
  assert.equal((await samples("server_info")).length, 1);
});

Deno.test("the version is a label", async () => {
  assert.deepEqual(await starting().samples("build_info"), [`build_info{version="1.2.3"} 1`]);
});

Deno.test("gauges are read when the page is requested", async () => {
  const { show, samples } = starting([
    {
      ...A,
      state: "healthy",
      running: 4,
      waiting: 2,
      load: 0.625,
      inFlight: 3,
      scrape: scrapeOf({ kvCacheUsage: 0.75 }),
      work: workSnapshotOf({
        pendingTokens: 1_234.5,
        secondsPerToken: 1 / 4_000,
        prefixBlocks: 42,
        predictedHitRate: 0.75,
        realHitRate: 0,
      }),
    },
    { ...B, state: "unhealthy" },
  ]);
  const values = async (name: string) =>
    Object.fromEntries(
      (await samples(`${name}{`)).map((line) => /server="(.*)"\} (.*)$/.exec(line)!.slice(1)),
    );
  assert.deepEqual(await values("server_up"), { [A.name]: "1", [B.name]: "0" });
  assert.deepEqual(await values("server_load"), { [A.name]: "0.625", [B.name]: "0" });
  assert.deepEqual(await values("server_running"), { [A.name]: "4", [B.name]: "0" });
  assert.deepEqual(await values("server_waiting"), { [A.name]: "2", [B.name]: "0" });
  assert.deepEqual(await values("in_flight"), { [A.name]: "3", [B.name]: "0" });
  assert.deepEqual(
    await values("server_kv_cache_usage"),
    { [A.name]: "0.75" },
    "an unknown value has no sample",
  );
  assert.deepEqual(await values("server_prefix_blocks"), { [A.name]: "42", [B.name]: "0" });
  assert.deepEqual(await values("server_pending_prefill_tokens"), {
    [A.name]: "1235",
    [B.name]: "0",
  });
  const pace = await values("server_prefill_tokens_per_second");
  assert.equal(Math.round(Number(pace[A.name])), 4_000);
  assert.ok(Number(pace[B.name]) > 0, "an assumed pace before any observation");
  assert.deepEqual(await values("server_predicted_prefix_hit_rate"), { [A.name]: "0.75" });
  assert.deepEqual(await values("server_prefix_hit_rate"), { [A.name]: "0" }, "0 is a known value");
  // A removed server disappears from every gauge; an unknown value disappears from its gauge.
  show({ ...B, state: "healthy", inFlight: 1 });
  assert.deepEqual(await values("server_up"), { [B.name]: "1" });
  assert.deepEqual(await values("in_flight"), { [B.name]: "1" });
  assert.deepEqual(await values("server_kv_cache_usage"), {});
});

Deno.test("a model that was sent to no server is labelled unknown", async () => {
  const { listener, samples } = starting();
  const rejected = { ...record, server: undefined, attempts: 0, outcome: "rejected" } as const;
  listener.closed!({ ...rejected, model: "made-up", status: 404 });
  listener.closed!({ ...rejected, model: undefined, status: 400 });
  listener.closed!({ ...record, model: undefined });
  assert.deepEqual(await samples("requests_total"), [
    `requests_total{model="unknown",server="",code="404"} 1`,
    `requests_total{model="unknown",server="",code="400"} 1`,
    `requests_total{model="unknown",server="${A.name}",code="200"} 1`,
  ]);
});

Deno.test("a forgotten server's series are removed, a draining server's are kept", async () => {
  const { listener, show, samples } = starting([{ ...A, models }, { ...B, models }]);
  for (const server of [A, B]) {
    listener.attemptEnded!(server, "ok");
    listener.closed!({ ...record, server: server.name });
  }
  show({ ...A, models }, { ...B, models, state: "draining" });
  assert.equal((await samples("attempts_total{")).length, 2);
  assert.equal((await samples("requests_total{")).length, 2);
  show({ ...A, models });
  // Its last request is reported after it has been forgotten.
  listener.closed!({ ...record, server: B.name });
  assert.deepEqual(await samples("attempts_total{"), [
    `attempts_total{server="${A.name}",outcome="ok"} 1`,
  ]);
  assert.deepEqual(await samples("requests_total{"), [
    `requests_total{model="m",server="${A.name}",code="200"} 1`,
  ]);
});

Deno.test("the series of a model that no server lists any more are removed", async () => {
  const { listener, show, samples } = starting();
  const usage = { promptTokens: 7, completionTokens: 3 };
  const adapters = new Map([...models, ["adapter", { id: "adapter" }]]);
  show({ ...A, models: adapters });
  for (const model of ["m", "adapter", undefined]) listener.closed!({ ...record, model, usage });
  for (const model of ["m", "adapter"]) listener.firstToken!(A, 1, 1, model);
  assert.equal((await samples("tokens_total{")).length, 6);
  show({ ...A, models });
  assert.deepEqual(await samples("requests_total{"), [
    `requests_total{model="m",server="${A.name}",code="200"} 1`,
    `requests_total{model="unknown",server="${A.name}",code="200"} 1`,
  ]);
  assert.equal((await samples("tokens_total{")).length, 4);
  assert.deepEqual(await samples("time_to_first_token_seconds_count"), [
    `time_to_first_token_seconds_count{model="m"} 1`,
  ]);
});

Deno.test("the series of a key that a reload removed are removed", async () => {
  const { listener, samples } = starting();
  for (const key of ["old", "new"]) listener.closed!({ ...record, key });
  const config = configOf([A]);
  const access = { ...config.access, keys: [keyOf("new")] };
  listener.reloaded!({ ...config, access }, []);
  assert.deepEqual(await samples("key_requests_total{"), [
    `key_requests_total{key="new",code="200"} 1`,
  ]);
});

Deno.test("a thousand reloads with other servers add no series, whether or not the page is requested", async () => {
  const { listener, show, page } = starting();
  const perPage: number[] = [];
  for (let i = 0; i < 1_000; i++) {
    const name = `gpu-${i}`;
    const server = { url: `http://${name}:8000`, name };
    show({ ...server, models });
    listener.reloaded!(configOf([server]), []);
    listener.attemptEnded!(server, "ok");
    listener.closed!({ ...record, server: name });
    if (i === 0 || i === 999) perPage.push((await page()).split("\n").length);
  }
  assert.equal(perPage[0], perPage[1]);
});

Deno.test("servers that sources remove leave no series behind, although nobody requests the page", async () => {
  const { listener, show, page } = starting();
  for (let i = 0; i < 1_000; i++) {
    const name = `pod-${i}`;
    listener.attemptEnded!({ url: `http://${name}:8000`, name }, "ok");
    if (i === 998) await listener.sourceChanged!(changeOf(999));
  }
  // The 1,000th that is gone removes the series of all.
  show({ url: "http://last:8000", name: "last", models });
  await listener.sourceChanged!(changeOf(1));
  show({ url: "http://pod-5:8000", name: "pod-5", models });
  assert.doesNotMatch(await page(), /attempts_total\{server="pod-5"/);
});

const changeOf = (removed: number) => ({ source: "dns a", servers: 1, added: 0, removed });

Deno.test("1,000 models invented by a client make one line", async () => {
  await using fleet = await startFleet({ servers: [{ speed: 200 }] });
  const { url } = fleet.router;
  const names = Array.from({ length: 1_000 }, (_, i) => `made-up-${i}`);
  while (names.length > 0) {
    const some = names.splice(0, 50);
    const answers = await Promise.all(some.map((model) => ask(url, { model })));
    for (const answer of answers) {
      assert.equal(answer.status, 404);
      await answer.body?.cancel();
    }
  }
  await (await ask(url)).text();
  const page = await (await fetch(`${url}/metrics`)).text();
  assert.doesNotMatch(page, /made-up/);
  assert.match(page, /^vllm_router_requests_total\{model="unknown",server="",code="404"\} 1000$/m);
  const lines = page.split("\n").filter((line) => line.startsWith("vllm_router_requests_total{"));
  assert.equal(lines.length, 2);
});

Deno.test("tokens and rejections are counted by key; an unlisted model and a removed key leave no series", async () => {
  const { listener, samples } = starting();
  const usage = { promptTokens: 5, completionTokens: 3 };
  listener.closed!({ ...record, key: "lab", usage });
  listener.closed!({ ...record, key: "lab", model: "made up", attempts: 0, usage });
  listener.closed!({ ...record, key: "lab", attempts: 0, limit: "tokens_per_minute", status: 429 });
  listener.turnedAway!("key_limit", "::1", "lab", "max_in_flight");
  assert.deepEqual(await samples("key_tokens_total"), [
    'key_tokens_total{key="lab",model="m",kind="prompt"} 5',
    'key_tokens_total{key="lab",model="m",kind="completion"} 3',
    'key_tokens_total{key="lab",model="unknown",kind="prompt"} 5',
    'key_tokens_total{key="lab",model="unknown",kind="completion"} 3',
  ]);
  assert.deepEqual(await samples("key_rejections_total"), [
    'key_rejections_total{key="lab",limit="tokens_per_minute"} 1',
    'key_rejections_total{key="lab",limit="max_in_flight"} 1',
  ]);
  const config = configOf([{ url: A.url }]);
  const access = { ...config.access, keys: [keyOf("other")] };
  await listener.reloaded!({ ...config, access }, []);
  assert.deepEqual(await samples("key_tokens_total"), []);
  assert.deepEqual(await samples("key_rejections_total"), []);
});
