import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { ask, MODEL } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { modelsPage, startUpstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

// LoRA adapters come and go while servers run (issue 18).

async function start(models: readonly (readonly string[])[] = [[MODEL], [MODEL], ["other"]]) {
  const simulators = await Promise.all(
    models.map((models) => startSimulator({ models: [...models] })),
  );
  const router = await startRouter(
    simulators.map(({ url }, i) => ({ url, name: `gpu-${i}` })),
    { health_check_interval: 60 },
    {},
    { admin: { listen: "127.0.0.1:0" } },
  );
  const admin = `http://127.0.0.1:${router.admin!.port}`;
  return {
    router,
    simulators,
    async tell(path: string, body: unknown, headers = {}) {
      const response = await fetch(`${admin}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      return { status: response.status, ...await response.json() };
    },
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await Promise.all(simulators.map((simulator) => simulator.close()));
    },
  };
}

const ADAPTER = { lora_name: "sql", lora_path: "/adapters/sql" };

async function load(url: string): Promise<void> {
  const init = { method: "POST", body: JSON.stringify(ADAPTER) };
  const response = await fetch(`${url}/v1/load_lora_adapter`, init);
  assert.equal(response.status, 200);
  await response.body?.cancel();
}

async function listed(url: string): Promise<{ id: string; parent: string | null }[]> {
  return (await (await fetch(`${url}/v1/models`)).json()).data;
}

Deno.test("an adapter that a server has loaded since is found by the first request for it", async () => {
  await using fleet = await start();
  await load(fleet.simulators[1]!.url);
  const response = await ask(fleet.router.url, { model: "sql" });
  assert.equal(response.status, 200, await response.text());
});

Deno.test("it is found as well while a server is known to lack the path", async () => {
  await using other = startUpstream(({ url }) =>
    url.endsWith("/v1/models")
      ? modelsPage(MODEL)
      : url.endsWith("/health")
      ? new Response()
      : Response.json({ detail: "Not Found" }, { status: 404 })
  );
  await using simulator = await startSimulator({ models: [MODEL] });
  const servers = [other, simulator].map(({ url }) => ({ url }));
  const settings = { health_check_interval: 60, policy: "round_robin" };
  const router = await startRouter(servers, settings);
  try {
    // One of them goes to the server without the path.
    for (let i = 0; i < 2; i++) {
      const answer = await ask(router.url);
      assert.equal(answer.status, 200, await answer.text());
    }
    await load(simulator.url);
    const response = await ask(router.url, { model: "sql" });
    assert.equal(response.status, 200, await response.text());
  } finally {
    await router.shutdown(0);
  }
});

Deno.test("a listing has the servers list their models again, and names an adapter's parent", async () => {
  await using fleet = await start();
  await load(fleet.simulators[0]!.url);
  await listed(fleet.router.url);
  await until(
    "it is listed",
    async () => (await listed(fleet.router.url)).some(({ id }) => id === "sql"),
  );
  const adapter = (await listed(fleet.router.url)).find(({ id }) => id === "sql");
  assert.equal(adapter?.parent, MODEL);
});

Deno.test("an adapter is loaded on all servers of its base model, and unloaded from all that have it", async () => {
  await using fleet = await start();
  const loaded = await fleet.tell(`/v1/load_lora_adapter?base=${MODEL}`, ADAPTER);
  assert.equal(loaded.status, 200);
  assert.deepEqual(
    loaded.results.map(({ server, ok }: { server: string; ok: boolean }) => [server, ok]),
    [["gpu-0", true], ["gpu-1", true]],
  );
  assert.ok((await listed(fleet.router.url)).some(({ id }) => id === "sql"));
  const twice = await fleet.tell("/v1/load_lora_adapter?server=gpu-0", ADAPTER);
  assert.equal(twice.status, 502);
  assert.match(twice.results[0].message, /already been loaded/);
  const unloaded = await fleet.tell("/v1/unload_lora_adapter", { lora_name: "sql" });
  assert.deepEqual([unloaded.status, unloaded.results.length], [200, 2]);
  assert.ok(!(await listed(fleet.router.url)).some(({ id }) => id === "sql"));
});

Deno.test("a request that can't be right says what is missing", async () => {
  await using fleet = await start();
  const { tell } = fleet;
  const several = await tell("/v1/load_lora_adapter", ADAPTER);
  assert.equal(several.status, 400);
  assert.match(several.error.message, /\?base=.*simulated-model, other/);
  assert.equal((await tell("/v1/load_lora_adapter?server=no", ADAPTER)).status, 404);
  assert.equal((await tell("/v1/load_lora_adapter?base=no", ADAPTER)).status, 404);
  assert.equal((await tell("/v1/unload_lora_adapter", { lora_name: "no" })).status, 404);
  assert.equal((await tell("/v1/load_lora_adapter", {})).status, 400);
  const fromPage = { origin: "http://evil.example" };
  assert.equal((await tell("/v1/load_lora_adapter", ADAPTER, fromPage)).status, 403);
});

Deno.test("a server that answers without end is read up to a limit", async () => {
  await using endless = startUpstream(({ url }) =>
    url.endsWith("/v1/models")
      ? modelsPage(MODEL)
      : url.endsWith("/v1/load_lora_adapter")
      ? new Response(new ReadableStream({ pull: (to) => to.enqueue(new Uint8Array(16_384)) }))
      : new Response()
  );
  const servers = [{ url: endless.url, name: "gpu-0" }];
  const router = await startRouter(servers, {}, {}, { admin: { listen: "127.0.0.1:0" } });
  try {
    const url = `http://127.0.0.1:${router.admin!.port}/v1/load_lora_adapter`;
    const response = await fetch(url, { method: "POST", body: JSON.stringify(ADAPTER) });
    assert.deepEqual((await response.json()).results, [
      { server: "gpu-0", ok: true, message: "its answer is too long" },
    ]);
  } finally {
    await router.shutdown(0);
  }
});

Deno.test("clients can't load adapters", async () => {
  await using fleet = await start();
  const response = await fetch(`${fleet.router.url}/v1/load_lora_adapter`, {
    method: "POST",
    body: JSON.stringify(ADAPTER),
  });
  assert.equal(response.status, 404);
  await response.body?.cancel();
});
