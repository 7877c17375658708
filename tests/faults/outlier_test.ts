import assert from "node:assert/strict";
import { ask, inFlight, MODEL, startFleet, type TestFleet } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

// A server that fails quickly must not attract requests by looking fast (issue 13, section 1).

const serverAt = ({ router }: Pick<TestFleet, "router">, at: number) =>
  router.fleet.snapshot().servers[at]!;

async function statuses(url: string, count: number): Promise<Record<string, number>> {
  const seen: Record<string, number> = {};
  let next = 0;
  const clients = Array.from({ length: 8 }, async () => {
    while (next++ < count) {
      const { status, body } = await ask(url);
      await body?.cancel();
      seen[status] = (seen[status] ?? 0) + 1;
    }
  });
  await Promise.all(clients);
  return seen;
}

for (const policy of ["least_work", "least_load", "round_robin"]) {
  for (const status of [401, 403, 404, 400]) {
    Deno.test(`${policy}: a server that answers ${status} within a millisecond, as gateways do, is removed from rotation, and no client sees it`, async () => {
      await using fleet = await startFleet({
        servers: [{ speed: 5 }, { fault: { kind: "gateway_status", status } }],
        settings: { policy, health_check_interval: 60 },
      });
      assert.deepEqual(await statuses(fleet.router.url, 60), { 200: 60 });
      const { state, reason } = serverAt(fleet, 1);
      assert.equal(state, "unhealthy");
      assert.match(reason, new RegExp(`it answered ${status}`));
      assert.ok(fleet.simulators[1]!.state().received <= 12, "only few were tried there");
    });
  }
}

/** A server that answers every request with a client error in vLLM's shape. */
function startRefusing(status: number) {
  return startUpstream((request) => {
    if (request.url.endsWith("/v1/models")) return modelsPage(MODEL);
    if (request.url.endsWith("/metrics")) return metricsPage();
    if (request.method === "GET") return new Response();
    const error = status === 401
      ? "Unauthorized"
      : { message: "no", type: "BadRequestError", param: null, code: status };
    return Response.json({ error }, { status });
  });
}

Deno.test("a 401 in vLLM's shape that only one server gives is that server's fault: no client sees it", async () => {
  await using bad = startRefusing(401);
  await using well = await startFleet({ servers: [{ speed: 5 }] });
  await using router = await startRouter(
    [{ url: bad.url }, { url: well.simulators[0]!.url }],
    { policy: "least_load", health_check_interval: 60 },
  );
  assert.deepEqual(await statuses(router.url, 60), { 200: 60 });
  const [server] = router.fleet.snapshot().servers;
  assert.equal(server!.state, "unhealthy");
  assert.match(server!.reason, /it answered 401/);
});

Deno.test("a server whose share of 400s is far from the others' is removed from rotation, even in vLLM's shape", async () => {
  await using bad = startRefusing(400);
  await using well = await startFleet({ servers: [{}, {}] });
  await using router = await startRouter(
    [{ url: bad.url }, ...well.simulators.map(({ url }) => ({ url }))],
    { policy: "round_robin", health_check_interval: 60 },
  );
  const seen = await statuses(router.url, 90);
  assert.ok(seen[200]! >= 80, `${JSON.stringify(seen)}: a few tell that it stands out`);
  assert.equal(router.fleet.snapshot().servers[0]!.state, "unhealthy");
  assert.match(router.fleet.snapshot().servers[0]!.reason, /it answered 400/);
});

Deno.test("a client's own errors, however many, remove no server from rotation and are not retried", async () => {
  await using fleet = await startFleet({ servers: [{}, {}, {}] });
  const bad = () =>
    fetch(`${fleet.router.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, messages: "not a list" }),
    });
  for (let i = 0; i < 40; i++) {
    const answer = await bad();
    assert.equal(answer.status, 400);
    await answer.body?.cancel();
    if (i % 2 === 0) await (await ask(fleet.router.url)).body?.cancel();
  }
  const received = fleet.simulators.reduce((sum, { state }) => sum + state().received, 0);
  assert.ok(received <= 62, `${received} attempts for 60 requests`);
  assert.ok(fleet.router.fleet.snapshot().servers.every(({ state }) => state === "healthy"));
});

Deno.test("a client's wrong key gets a 401 from every server, which is passed on and blames no server", async () => {
  await using first = startRefusing(401);
  await using second = startRefusing(401);
  await using router = await startRouter([{ url: first.url }, { url: second.url }]);
  for (let i = 0; i < 20; i++) {
    const answer = await ask(router.url);
    assert.equal(answer.status, 401);
    assert.deepEqual(await answer.json(), { error: "Unauthorized" });
  }
  assert.ok(router.fleet.snapshot().servers.every(({ state }) => state === "healthy"));
});

Deno.test("a server that refuses the router's own key is abandoned, and no client sees its 401", async () => {
  await using bad = startRefusing(401);
  await using well = await startFleet({ servers: [{}] });
  await using router = await startRouter(
    [{ url: bad.url, api_key: "wrong" }, { url: well.simulators[0]!.url }],
    { policy: "round_robin", health_check_interval: 60 },
  );
  assert.deepEqual(await statuses(router.url, 20), { 200: 20 });
  await using alone = await startRouter([{ url: bad.url, api_key: "wrong" }]);
  assert.deepEqual(await statuses(alone.url, 1), { 502: 1 });
});

Deno.test("an adapter that is unloaded from one server but still listed: no client sees its 404, and the list is read again at once", async () => {
  await using fleet = await startFleet({
    servers: [{ models: [MODEL, "adapter"] }, { models: [MODEL, "adapter"] }],
    settings: { policy: "round_robin", health_check_interval: 60 },
  });
  const [gone] = fleet.simulators;
  gone!.setModels([MODEL]);
  for (let i = 0; i < 20; i++) {
    const answer = await ask(fleet.router.url, { model: "adapter" });
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
  await until("it is known", () => !serverAt(fleet, 0).models.has("adapter"));
  assert.equal(serverAt(fleet, 0).state, "healthy", "it serves its other models");
  assert.equal(inFlight(fleet.router), 0);
});

Deno.test("a server that came back with another model is asked only for that one", async () => {
  await using fleet = await startFleet({
    servers: [{}, {}],
    settings: { policy: "round_robin", health_check_interval: 60 },
  });
  fleet.simulators[0]!.setModels(["another"]);
  for (let i = 0; i < 10; i++) {
    const answer = await ask(fleet.router.url);
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
  await until("its list was read", () => serverAt(fleet, 0).models.has("another"));
  const answer = await ask(fleet.router.url, { model: "another" });
  assert.equal(answer.status, 200);
  await answer.body?.cancel();
});

Deno.test("a burst for an adapter that a server lost removes it from rotation for that model only", async () => {
  await using fleet = await startFleet({
    servers: [{ models: [MODEL, "adapter"] }, { models: [MODEL, "adapter"] }],
    settings: { policy: "round_robin", health_check_interval: 60 },
  });
  fleet.simulators[0]!.setModels([MODEL]);
  const burst = Array.from({ length: 12 }, () => ask(fleet.router.url, { model: "adapter" }));
  for (const answer of await Promise.all(burst)) {
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
  assert.equal(serverAt(fleet, 0).state, "healthy");
});

Deno.test("prompts that are too long for one server only don't blame it", async () => {
  const message = "This model's maximum context length is 16 tokens.";
  await using short = startUpstream((request) => {
    if (request.url.endsWith("/v1/models")) return modelsPage(MODEL);
    if (request.url.endsWith("/metrics")) return metricsPage();
    if (request.method === "GET") return new Response();
    const error = { message, type: "BadRequestError", param: "input_tokens", code: 400 };
    return Response.json({ error }, { status: 400 });
  });
  await using long = await startFleet({ servers: [{}] });
  await using router = await startRouter(
    [{ url: short.url }, { url: long.simulators[0]!.url }],
    { policy: "round_robin" },
  );
  for (let i = 0; i < 30; i++) await (await ask(router.url)).body?.cancel();
  assert.equal(router.fleet.snapshot().servers[0]!.state, "healthy");
});
