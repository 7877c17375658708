import assert from "node:assert/strict";
import { ask, MODEL, startFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

// Accurate health (issue 13, section 6).

async function up(url: string): Promise<number[]> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return [...page.matchAll(/^vllm_router_server_up\{[^}]*\} (\d)/gm)].map(([, value]) =>
    Number(value)
  );
}

for (
  const [what, models, state, reason] of [
    ["lists no models", () => modelsPage(), "no_models", /lists none/],
    ["asks for another key", () => new Response(null, { status: 401 }), "unauthorized", /401/],
    ["has no list", () => new Response(null, { status: 500 }), "no_models", /500/],
  ] as const
) {
  Deno.test(`a server that ${what} is ${state} in every view, and adds no capacity`, async () => {
    await using server = startUpstream((request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/v1/models") return models();
      return pathname === "/metrics" ? metricsPage() : new Response();
    });
    await using well = await startFleet({ servers: [{}] });
    await using router = await startRouter([{ url: server.url }, {
      url: well.simulators[0]!.url,
      max_concurrent_requests: 8,
    }]);
    const [shown] = router.fleet.snapshot().servers;
    assert.equal(shown!.state, state);
    assert.match(shown!.reason, reason);
    assert.deepEqual(await up(router.url), [0, 1]);
    const health = await (await fetch(`${router.url}/health`)).json();
    assert.equal(health.healthy_servers, 1);
    assert.equal(health.servers[0].health_status, state);
    assert.match(health.servers[0].reason, reason);
    const stats = await (await fetch(`${router.url}/load-stats`)).json();
    assert.equal(stats.summary.total_capacity, 8);
    await until("the screens show it", () => router.view().totals.healthy === 1);
    await (await ask(router.url)).body?.cancel();
  });
}

for (const status of [401, 403, 404, 405, 501, 302, 307]) {
  Deno.test(`/health that answers ${status} is ignored if /v1/models works`, async () => {
    await using fleet = await startFleet({
      servers: [{ fault: { kind: "health_status", status } }],
    });
    assert.equal(fleet.router.fleet.snapshot().servers[0]!.state, "healthy");
    const answer = await ask(fleet.router.url);
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  });
}

Deno.test("health_path names a server's health page, and no other page is requested", async () => {
  const asked = new Set<string>();
  await using server = startUpstream((request) => {
    const { pathname } = new URL(request.url);
    asked.add(pathname);
    return pathname === "/v1/models" ? modelsPage("m") : new Response();
  });
  await using router = await startRouter([{ url: server.url, health_path: "/healthz" }]);
  assert.equal(router.fleet.snapshot().servers[0]!.state, "healthy");
  assert.deepEqual([asked.has("/healthz"), asked.has("/health")], [true, false]);
});

Deno.test("/health slower than its time-out on all servers makes no server unhealthy while requests succeed", async () => {
  await using fleet = await startFleet({
    servers: Array(3).fill({ fault: { kind: "health_slow", seconds: 1 } }),
    settings: { policy: "round_robin", health_check_timeout: 0.2, health_check_interval: 0.1 },
  });
  const states = () => fleet.router.fleet.snapshot().servers.map(({ state }) => state);
  for (let i = 0; i < 40; i++) {
    const answer = await ask(fleet.router.url, { tokens: 20 });
    assert.equal(answer.status, 200, `request ${i}: ${states()}`);
    await answer.body?.cancel();
  }
  await until(
    "requests have proved them all",
    () => states().every((state) => state === "healthy"),
  );
  const checks = () =>
    Math.min(...fleet.router.fleet.snapshot().servers.map(({ totalChecks }) => totalChecks));
  const before = checks();
  await until("each was checked in vain again", () => checks() >= before + 4);
  assert.deepEqual(states(), ["healthy", "healthy", "healthy"], "without requests as well");
});

Deno.test("a server without requests whose /health is too slow becomes unhealthy", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "health_slow", seconds: 1 } }, {}, {}],
    settings: { health_check_timeout: 0.2 },
  });
  assert.equal(fleet.router.fleet.snapshot().servers[0]!.state, "unhealthy");
});

Deno.test("a long whole answer as the trial of a half-open server doesn't block other requests for long", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "status", status: 500, times: 2 }, speed: 1, interTokenMs: 50 }],
    settings: { failure_threshold: 2 },
  });
  const { router } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  for (let i = 0; i < 2; i++) await (await ask(router.url)).body?.cancel();
  await until("it is half-open", () => state() === "half-open");
  const long = ask(router.url, { tokens: 250 });
  let isFinished = false;
  long.then(() => isFinished = true);
  await until("it is tried", () => router.fleet.servers[0]!.inFlight === 1);
  await until("another request is let in", async () => {
    const { status, body } = await ask(router.url, { stream: true, tokens: 2 });
    await body?.cancel();
    return status === 200;
  });
  assert.equal(isFinished, false, "long before the trial's end");
  assert.equal((await long).status, 200);
  await (await long).body?.cancel();
});

Deno.test("an unhealthy server is checked every two seconds, whatever the intervals are", async () => {
  await using fleet = await startFleet({
    servers: [{}],
    settings: { metrics_interval: 60, health_check_interval: 60, failure_threshold: 1 },
  });
  const { router, simulators: [server] } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  await server!.setFault({ kind: "refuse" });
  await (await ask(router.url)).body?.cancel();
  assert.equal(state(), "unhealthy");
  await server!.setFault(null);
  await until("it is half-open", () => state() === "half-open");
  const answer = await ask(router.url, { model: MODEL });
  assert.equal(answer.status, 200);
  await answer.body?.cancel();
});
