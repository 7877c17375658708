import assert from "node:assert/strict";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import type { View } from "../../src/monitor/view.ts";
import { startCli } from "../support/cli.ts";
import { eventsOf, MODEL } from "../support/fleet.ts";
import { http1 } from "../support/router.ts";
import { until } from "../support/until.ts";

const REQUESTS = 10_000;
/** Every hundredth request asks for a different model that no server has. */
const REJECTED = REQUESTS / 100;
const AT_ONCE = 64;
/** Gives a busy machine time to catch up. */
const PATIENCE_MS = 60_000;
/** No server that is merely slow is abandoned: it would finish a request that another one answers. */
const PATIENT = "health_check_timeout = 60\nconnect_timeout = 60\nstall_timeout = 60";

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

/** The result of one request as its client saw it. */
interface Seen {
  readonly status: number;
  readonly bytes: number;
  readonly stream: boolean;
  readonly usage: Usage | undefined;
}

interface AccessLine {
  readonly id: string;
  readonly server: string | null;
  readonly attempts: number;
  readonly status: number;
  readonly stream: boolean;
  readonly bytes: number;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly outcome: string;
}

async function askOne(router: string, index: number): Promise<Seen> {
  const stream = index % 2 === 0;
  const response = await fetch(`${router}/v1/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-request-id": `request-${index}` },
    body: JSON.stringify({
      model: index % (REQUESTS / REJECTED) === 0 ? `no-such-model-${index}` : MODEL,
      messages: [{ role: "user", content: `Question ${index}: why?` }],
      max_tokens: 1 + index % 5,
      ignore_eos: true,
      stream,
      ...(stream && { stream_options: { include_usage: true } }),
    }),
  });
  const { status } = response;
  const text = await response.text();
  const bytes = new TextEncoder().encode(text).length;
  if (status !== 200) return { status, bytes, stream, usage: undefined };
  const documents = (stream ? eventsOf(text) : [JSON.parse(text)]) as { usage?: Usage | null }[];
  const usage = documents.findLast((document) => document.usage)?.usage;
  return { status, bytes, stream, usage: usage! };
}

/** The clients' results by request id. */
async function askAll(router: string): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  let next = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next < REQUESTS) {
      const index = next++;
      seen.set(`request-${index}`, await askOne(router, index));
    }
  }));
  return seen;
}

function sum<T>(values: Iterable<T>, of: (value: T) => number): number {
  let total = 0;
  for (const value of values) total += of(value);
  return total;
}

/** Adds up a metric's samples that have these labels. */
function metric(page: string, name: string, labels: Record<string, string> = {}): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const samples = page.split("\n").filter((line) =>
    (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) &&
    wanted.every((label) => line.includes(label))
  );
  return sum(samples, (line) => Number(line.slice(line.lastIndexOf(" "))));
}

// The terminal and the page show the `View` that `/dashboard/view` returns, and count nothing
// themselves, so figures that agree here agree there.
Deno.test("after 10,000 requests, some of which fail, all views and the servers agree", async () => {
  // None of these faults generates a token, so servers generate exactly what clients get.
  const simulators = await Promise.all([
    startSimulator({
      speed: 200,
      seed: 1,
      fault: { kind: "status", status: 500, probability: 0.02 },
    }),
    startSimulator({
      speed: 200,
      seed: 2,
      fault: { kind: "reset_before_head", probability: 0.02 },
    }),
    startSimulator({ speed: 200, seed: 3 }),
  ]);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/servers.toml`, toml(simulators));
    await using router = await startCli(["--config", `${folder}/servers.toml`]);
    await until("the router is ready", async () => {
      const response = await fetch(`${router.url}/v1/models`);
      return (await response.text()).includes(MODEL);
    }, PATIENCE_MS);
    const seen = await askAll(router.url);
    await until(
      "the last line is written",
      () => accessLines(router.output()).length >= REQUESTS,
      PATIENCE_MS,
    );
    const lines = accessLines(router.output());
    const page = await (await fetch(`${router.url}/metrics`)).text();

    assertClientsAndLogAgree(seen, lines);
    assertMetricsAgree(page, seen, lines);
    assertServersAgree(page, simulators, lines);
    await assertViewAgrees(router.url, page, simulators);
    await assertIdle(router.url, page);
    const moves = router.output().split("\n").filter((line) => line.includes(" moved from "));
    assert.equal(moves.length, metric(page, "vllm_router_failovers_total"));
    assert.ok(moves.length > 0, "there were failures");
  } finally {
    await Promise.all(simulators.map((simulator) => simulator.close()));
    await Deno.remove(folder, { recursive: true });
  }
});

const nameAt = (index: number) => `gpu-${index + 1}`;

function toml(simulators: readonly Simulator[]): string {
  const servers = simulators.map(({ url }, index) =>
    `{ url = "${url}", name = "${nameAt(index)}", max_concurrent_requests = 32 }`
  );
  return `[servers]\nservers = [${servers}]\n[config]\nhealth_check_interval = 0.1\n${PATIENT}\n` +
    `[server]\nhttp1 = "${http1}"\n`;
}

function accessLines(output: string): AccessLine[] {
  return output.split("\n").filter((line) => line.includes(`"method":"POST"`))
    .map((line) => JSON.parse(line));
}

function assertClientsAndLogAgree(
  seen: ReadonlyMap<string, Seen>,
  lines: readonly AccessLine[],
): void {
  assert.equal(lines.length, REQUESTS);
  assert.equal(new Set(lines.map(({ id }) => id)).size, REQUESTS, "a line for each request");
  for (const line of lines) {
    const { status, bytes, stream, usage } = seen.get(line.id)!;
    assert.equal(line.status, status, line.id);
    assert.equal(line.stream, stream, line.id);
    assert.equal(line.outcome, status === 200 ? "ok" : "rejected", line.id);
    assert.equal(line.promptTokens, usage?.prompt_tokens ?? null, line.id);
    assert.equal(line.completionTokens, usage?.completion_tokens ?? null, line.id);
    // The router doesn't count its own answers.
    if (status === 200) assert.equal(line.bytes, bytes, line.id);
  }
  const statuses = Map.groupBy(seen.values(), ({ status }) => status);
  assert.deepEqual([...statuses.keys()].sort(), [200, 404]);
  assert.equal(statuses.get(404)!.length, REJECTED);
}

function assertMetricsAgree(
  page: string,
  seen: ReadonlyMap<string, Seen>,
  lines: readonly AccessLine[],
): void {
  const requests = (labels?: Record<string, string>) =>
    metric(page, "vllm_router_requests_total", labels);
  assert.equal(requests(), REQUESTS);
  assert.equal(requests({ code: "200", model: MODEL }), REQUESTS - REJECTED);
  assert.equal(requests({ code: "404", model: "unknown", server: "" }), REJECTED);
  assert.ok(!page.includes("no-such-model"));
  assert.equal(metric(page, "vllm_router_request_duration_seconds_count"), REQUESTS);
  assert.equal(metric(page, "vllm_router_overhead_seconds_count"), REQUESTS - REJECTED);
  const streams = sum(seen.values(), ({ stream, status }) => stream && status === 200 ? 1 : 0);
  assert.equal(metric(page, "vllm_router_time_to_first_token_seconds_count"), streams);
  assert.equal(
    metric(page, "vllm_router_attempts_total"),
    sum(lines, ({ attempts }) => attempts),
  );
  assert.equal(
    metric(page, "vllm_router_failovers_total"),
    sum(lines, ({ attempts }) => Math.max(0, attempts - 1)),
  );
  const tokens = (kind: string) => metric(page, "vllm_router_tokens_total", { kind });
  assert.equal(tokens("prompt"), sum(seen.values(), ({ usage }) => usage?.prompt_tokens ?? 0));
  assert.equal(
    tokens("completion"),
    sum(seen.values(), ({ usage }) => usage?.completion_tokens ?? 0),
  );
}

function assertServersAgree(
  page: string,
  simulators: readonly Simulator[],
  lines: readonly AccessLine[],
): void {
  const [erring, resetting, well] = simulators as [Simulator, Simulator, Simulator];
  for (const [index, { state }] of simulators.entries()) {
    const server = nameAt(index);
    const { received, finished, failed, aborted, running, waiting } = state();
    const attempts = (outcome?: string) =>
      metric(page, "vllm_router_attempts_total", { server, ...(outcome && { outcome }) });
    assert.equal(attempts("ok"), finished, server);
    assert.equal(metric(page, "vllm_router_requests_total", { server }), finished, server);
    assert.equal(lines.filter((line) => line.server === server).length, finished, server);
    assert.equal(attempts("bad_status") + attempts("reset"), attempts() - finished, server);
    // If a pooled connection breaks before an answer, `fetch` itself sends the request once
    // more. The server has then seen, and failed, one more than the router attempted.
    const sentAgain = received - attempts();
    assert.equal(failed, attempts("bad_status") + attempts("reset") + sentAgain, server);
    assert.ok(sentAgain >= 0, server);
    if (simulators[index] !== resetting) {
      assert.deepEqual([sentAgain, attempts("reset")], [0, 0], server);
    }
    assert.deepEqual({ aborted, running, waiting }, { aborted: 0, running: 0, waiting: 0 });
  }
  assert.ok(erring.state().failed > 0 && resetting.state().failed > 0);
  assert.equal(well.state().failed, 0);
  const tokens = (kind: string) => metric(page, "vllm_router_tokens_total", { kind });
  assert.equal(tokens("prompt"), sum(simulators, ({ state }) => state().promptTokens));
  assert.equal(tokens("completion"), sum(simulators, ({ state }) => state().generationTokens));
}

async function assertViewAgrees(
  router: string,
  page: string,
  simulators: readonly Simulator[],
): Promise<void> {
  let view!: View;
  await until("the view has caught up", async () => {
    view = await (await fetch(`${router}/dashboard/view`)).json();
    return view.totals.requests === REQUESTS && view.totals.inFlight === 0;
  }, PATIENCE_MS);
  assert.equal(view.totals.failovers, metric(page, "vllm_router_failovers_total"));
  assert.deepEqual(view.servers.map(({ url }) => url), simulators.map(({ url }) => url));
  for (const { name: server, errors } of view.servers) {
    const all = metric(page, "vllm_router_attempts_total", { server });
    const ok = metric(page, "vllm_router_attempts_total", { server, outcome: "ok" });
    assert.equal(errors, all - ok, server);
  }
}

async function assertIdle(router: string, page: string): Promise<void> {
  assert.equal(metric(page, "vllm_router_in_flight"), 0);
  await until("a scrape shows that nothing is left", async () => {
    const stats = await (await fetch(`${router}/load-stats`)).json();
    const view: View = await (await fetch(`${router}/dashboard/view`)).json();
    const later = await (await fetch(`${router}/metrics`)).text();
    return stats.summary.total_active_load === 0 && view.totals.load === 0 &&
      stats.servers.every((server: { in_flight: number }) => server.in_flight === 0) &&
      metric(later, "vllm_router_server_load") === 0;
  }, PATIENCE_MS);
}
