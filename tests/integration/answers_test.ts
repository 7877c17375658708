import assert from "node:assert/strict";
import { startRouter } from "../support/router.ts";
import { ask, MODEL, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

Deno.test("models, health and load are answered from memory, without a request to a server", async () => {
  await using fleet = await startFleet({
    servers: [{}],
    settings: { health_check_interval: 60, metrics_interval: 60 },
  });
  await fleet.simulators[0]!.setFault({ kind: "refuse" });
  for (
    const path of [
      "/v1/models",
      `/v1/models/${MODEL}`,
      "/health",
      "/load-stats",
      "/server-models",
      "/",
    ]
  ) {
    const response = await fetch(fleet.router.url + path);
    assert.equal(response.status, 200, path);
    await response.json();
  }
});

Deno.test("load-stats shows a request while it runs, and not after it ended", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, capacity: 4 }],
  });
  const stats = async () => await (await fetch(`${fleet.router.url}/load-stats`)).json();
  const client = new AbortController();
  const response = await ask(fleet.router.url, {
    stream: true,
    tokens: 1000,
    signal: client.signal,
  });
  await until(
    "the scrape shows it",
    async () => (await stats()).servers[0].detailed_metrics.num_requests_running === 1,
  );
  const { servers: [server], summary } = await stats();
  assert.equal(server.current_load, 1);
  assert.equal(server.available_capacity, 3);
  assert.equal(server.utilization_percent, 25);
  assert.equal(summary.total_active_load, 1);
  client.abort();
  await response.body!.cancel().catch(() => {});
  await until(
    "it is gone",
    async () => (await stats()).servers[0].current_load === 0,
  );
});

Deno.test("health is degraded with half of the servers and 503 with none", async () => {
  await using fleet = await startFleet({
    servers: [{}, {}],
    settings: { failure_threshold: 1 },
  });
  const health = async () => {
    const response = await fetch(`${fleet.router.url}/health`);
    return { code: response.status, ...(await response.json()) };
  };
  assert.equal((await health()).status, "healthy");
  await fleet.simulators[0]!.setFault({ kind: "health_status", status: 503 });
  await until("one is out", async () => (await health()).healthy_servers === 1);
  assert.deepEqual({ ...(await health()), servers: 0, config: 0 }, {
    code: 200,
    status: "degraded",
    health_score: 0.5,
    total_servers: 2,
    healthy_servers: 1,
    unhealthy_servers: 1,
    servers: 0,
    sources: [],
    peers: [],
    config: 0,
  });
  await fleet.simulators[1]!.setFault({ kind: "refuse" });
  await until("all are out", async () => (await health()).code === 503);
  assert.equal(
    (await fetch(`${fleet.router.url}/readyz`).then((
      r,
    ) => (r.body?.cancel(), r))).status,
    503,
  );

  await fleet.simulators[0]!.setFault(null);
  await until(
    "one success brings a server back",
    async () => (await health()).code === 200,
  );
});

Deno.test("a sleeping server is not chosen, and returns when its engine wakes", async () => {
  await using fleet = await startFleet({ servers: [{}, {}] });
  const state = () => fleet.router.fleet.snapshot().servers[0]!.state;
  await fleet.simulators[0]!.setFault({ kind: "sleeping" });
  await until("it is known to sleep", () => state() === "sleeping");
  const before = fleet.simulators[0]!.state().received;
  for (let i = 0; i < 5; i++) {
    assert.equal(
      (await (await ask(fleet.router.url)).json()).object,
      "chat.completion",
    );
  }
  assert.equal(fleet.simulators[0]!.state().received, before);
  await fleet.simulators[0]!.setFault(null);
  await until("it is awake", () => state() === "healthy");
});

Deno.test("a router whose servers are all unreachable reports it at once", async () => {
  await using router = await startRouter([{ url: "http://127.0.0.1:9" }]);
  const response = await ask(router.url);
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get("retry-after")) >= 1);
  assert.equal((await response.json()).error.type, "service_unavailable");
});

Deno.test("a server that was briefly unreachable returns before its next regular check", async () => {
  await using fleet = await startFleet({
    servers: [{}],
    settings: { health_check_interval: 60, metrics_interval: 0.1 },
  });
  const state = () => fleet.router.fleet.snapshot().servers[0]!.state;
  await fleet.simulators[0]!.setFault({ kind: "refuse" });
  await until("it is out", () => state() === "unhealthy");
  await fleet.simulators[0]!.setFault(null);
  await until("it is back", () => state() === "healthy");
});

Deno.test("with debug_headers an answer says why its server was chosen, without naming servers", async () => {
  await using fleet = await startFleet({
    servers: [{}, {}],
    settings: { debug_headers: true },
  });
  const { url } = fleet.router;
  const decisions: (string | null)[] = [];
  for (const stream of [false, true]) {
    const answer = await ask(url, { stream, content: "What is this? ".repeat(100) });
    await answer.text();
    decisions.push(answer.headers.get("x-router-decision"));
  }
  for (const decision of decisions) {
    assert.match(
      decision ?? "none",
      /^least_work, [12] of 2: cost \d\.\d{3} s, first token in \d\.\d{3} s, \d+ tokens pending, \d+ of \d+ own, \d+ tokens\/s, 0 ahead of a seat, load 0\.00$/,
    );
  }
  const own = (decision: string | null) => Number(/(\d+) of \d+ own/.exec(decision!)![1]);
  assert.ok(own(decisions[1]!) < own(decisions[0]!), "the prompt is in that server's cache now");

  const unknown = await ask(url, { model: "unknown" });
  await unknown.text();
  assert.equal(unknown.headers.get("x-router-decision"), null, "nothing was chosen");

  await fleet.simulators[0]!.setFault({ kind: "reset_before_head" });
  await fleet.simulators[1]!.setFault({ kind: "reset_before_head" });
  const failed = await ask(url);
  await failed.text();
  assert.equal(failed.status, 502);
  assert.equal(failed.headers.get("x-router-decision"), null);
});

Deno.test("without debug_headers no answer says why", async () => {
  await using fleet = await startFleet({ servers: [{}, {}] });
  for (const stream of [false, true]) {
    const answer = await ask(fleet.router.url, { stream });
    await answer.text();
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("x-router-decision"), null);
  }
});
