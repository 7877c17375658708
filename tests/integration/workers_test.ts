import assert from "node:assert/strict";
import { startRouter } from "../support/router.ts";
import { deadUrl, modelsPage, startUpstream } from "../support/upstream.ts";
import { until } from "../support/until.ts";

const ADMIN = { admin: { listen: "127.0.0.1:0" } };

type Router = Awaited<ReturnType<typeof startRouter>>;

/** Sends a request to the admin address. A value becomes a body of JSON. */
async function ask(router: Router, method: string, path: string, value?: unknown) {
  const response = await fetch(`http://127.0.0.1:${router.admin!.port}${path}`, {
    method,
    ...(value !== undefined && { body: JSON.stringify(value) }),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  };
}

/** A server that answers every completion with its name. */
function startNamed(name: string, wait: () => Promise<unknown> = () => Promise.resolve()) {
  return startUpstream(async ({ url }) => {
    if (url.endsWith("/v1/models")) return modelsPage("m");
    if (!url.endsWith("/v1/completions")) return new Response();
    await wait();
    return Response.json({ id: "1", served: name });
  });
}

const servedBy = async (router: Router) => {
  const body = JSON.stringify({ model: "m", prompt: "x" });
  const response = await fetch(`${router.url}/v1/completions`, { method: "POST", body });
  assert.equal(response.status, 200);
  return (await response.json()).served;
};

const isHealthy = (router: Router, url: string) =>
  until(
    "it is healthy",
    () =>
      router.fleet.snapshot().servers.some((server) =>
        server.url === url && server.state === "healthy"
      ),
  );

Deno.test("a router without servers serves those that are added, until they are removed", async () => {
  await using server = startNamed("a");
  await using router = await startRouter([], {}, {}, ADMIN);
  const added = await ask(router, "POST", "/workers", { url: server.url, name: "gpu 1" });
  assert.equal(added.status, 202);
  const { worker_id: id, location, message, ...others } = added.body;
  assert.deepEqual(others, { status: "accepted", url: server.url });
  assert.deepEqual([location, added.headers.get("location")], Array(2).fill(`/workers/${id}`));
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.match(message, /first check/);
  await isHealthy(router, server.url);
  assert.equal(await servedBy(router), "a");
  const removed = await ask(router, "DELETE", location);
  assert.deepEqual([removed.status, removed.body.worker_id], [202, id]);
  assert.deepEqual((await ask(router, "GET", "/workers")).body, {
    workers: [],
    total: 0,
    stats: { prefill_count: 0, decode_count: 0, regular_count: 0 },
  });
  const gone = await ask(router, "GET", location);
  assert.deepEqual([gone.status, gone.body], [404, {
    error: `Worker ${id} not found`,
    code: "WORKER_NOT_FOUND",
  }]);
});

Deno.test("workers are shown in SMG's shape, with the router's own fields", async () => {
  await using listed = startNamed("listed");
  await using server = startNamed("a");
  await using router = await startRouter([{ url: listed.url, name: "listed" }], {}, {}, ADMIN);
  await ask(router, "POST", "/workers", { url: server.url, max_concurrent_requests: 8 });
  await isHealthy(router, server.url);
  const { body } = await ask(router, "GET", "/workers");
  assert.deepEqual([body.total, body.stats.regular_count], [2, 2]);
  const [first, { id, reason, ...second }] = body.workers;
  assert.equal(first.source, "file");
  assert.equal(typeof reason, "string");
  assert.deepEqual(second, {
    model_id: "m",
    url: server.url,
    models: [{ id: "m", context_length: 4_096 }],
    worker_type: "regular",
    connection_mode: "http",
    runtime_type: "vllm",
    labels: {},
    priority: 50,
    cost: 1,
    is_healthy: true,
    status: "ready",
    load: 0,
    http2: false,
    name: server.url.replace("http://", ""),
    source: "api",
    max_concurrent_requests: 8,
    health_status: "healthy",
  });
  for (const name of [id, id.toUpperCase(), encodeURIComponent(server.url)]) {
    assert.equal((await ask(router, "GET", `/workers/${name}`)).body.url, server.url);
  }
  assert.deepEqual(router.view().sources.map(({ name, servers }) => [name, servers]), [["api", 1]]);
  const metrics = (await ask(router, "GET", "/metrics")).body;
  assert.match(metrics, /^vllm_router_discovery_servers\{source="api"\} 1$/m);
  assert.match(metrics, /^vllm_router_discovery_up\{source="api"\} 1$/m);
});

Deno.test("an added server is changed in part or as a whole, and keeps its state", async () => {
  await using server = startNamed("a");
  await using router = await startRouter([], {}, {}, ADMIN);
  const { body: { location } } = await ask(router, "POST", "/workers", {
    url: server.url,
    name: "a",
  });
  await isHealthy(router, server.url);
  const shown = async () => {
    const { body } = await ask(router, "GET", location);
    return [body.name, body.max_concurrent_requests, body.model_id, body.health_status];
  };
  const change = { max_concurrent_requests: 8, models: ["n"] };
  assert.equal((await ask(router, "PATCH", location, change)).status, 202);
  assert.deepEqual(await shown(), ["a", 8, "n", "healthy"]);
  assert.equal((await ask(router, "PATCH", location, { name: null })).status, 202);
  assert.deepEqual((await shown())[0], server.url.replace("http://", ""));
  assert.equal((await ask(router, "PUT", location, { url: server.url, name: "b" })).status, 202);
  assert.deepEqual((await shown()).slice(0, 2), ["b", 3]);
  for (
    const [method, value, problem] of [
      [
        "PATCH",
        { max_concurrent_requests: "8" },
        /^server\.max_concurrent_requests: expected a whole/,
      ],
      ["PATCH", { url: "http://other:1" }, /^server\.url: expected .*; to change it, remove/],
      ["PATCH", [], /^server: expected a server/],
      ["PUT", { url: "http://other:1" }, /^server\.url: expected .*; to change it, remove/],
      ["PUT", { name: "c" }, /^server\.url: expected a non-empty string/],
    ] as const
  ) {
    const { status, body } = await ask(router, method, location, value);
    assert.deepEqual([status, body.code], [400, "BAD_REQUEST"]);
    assert.match(body.error, problem);
  }
  assert.deepEqual((await shown()).slice(0, 2), ["b", 3]);
});

Deno.test("what can't be added is refused with SMG's status and code", async () => {
  await using listed = startNamed("listed");
  await using router = await startRouter([{ url: listed.url, name: "listed" }], {}, {}, ADMIN);
  const url = deadUrl();
  await ask(router, "POST", "/workers", { url, name: "a" });
  const path = `/workers/${(await ask(router, "GET", "/workers")).body.workers[0].id}`;
  for (
    const [method, where, value, status, code, error] of [
      [
        "POST",
        "/workers",
        { url: `${url}/v1/` },
        409,
        "WORKER_ALREADY_EXISTS",
        /named by the source `api`/,
      ],
      [
        "POST",
        "/workers",
        { url: listed.url },
        409,
        "WORKER_ALREADY_EXISTS",
        /by the configuration file/,
      ],
      [
        "POST",
        "/workers",
        { url: "http://b:1", name: "a" },
        409,
        "WORKER_NAME_TAKEN",
        /unique name/,
      ],
      ["POST", "/workers", { url: "gpu-1:8000" }, 400, "BAD_REQUEST", /expected an address/],
      ["POST", "/workers", "text", 400, "BAD_REQUEST", /expected a server/],
      ["POST", "/workers", { url: "x".repeat(20_000) }, 400, "BAD_REQUEST", /longer than/],
      ["PATCH", path, { name: "b" }, 409, "WORKER_NOT_ADDED", /by the configuration file/],
      ["PUT", path, { url: listed.url }, 409, "WORKER_NOT_ADDED", /only be changed there/],
      ["DELETE", path, undefined, 409, "WORKER_NOT_ADDED", /only be changed there/],
      ["DELETE", "/workers/x", undefined, 404, "WORKER_NOT_FOUND", /Worker x not found/],
      ["PATCH", "/workers/x", {}, 404, "WORKER_NOT_FOUND", /Worker x not found/],
      ["POST", "/workers/x/drain", undefined, 404, "WORKER_NOT_FOUND", /Worker x not found/],
    ] as const
  ) {
    const answer = await ask(router, method, where, value);
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(value));
    assert.match(answer.body.error, error);
  }
  const added = await Promise.all(
    [1, 2, 3].map(() => ask(router, "POST", "/workers", { url: "http://127.0.0.1:1" })),
  );
  assert.deepEqual(added.map(({ status }) => status).sort(), [202, 409, 409]);
  const malformed = await fetch(`http://127.0.0.1:${router.admin!.port}/workers`, {
    method: "POST",
    body: "{url",
  });
  assert.deepEqual([malformed.status, (await malformed.json()).code], [400, "BAD_REQUEST"]);
  const other = await ask(router, "PUT", "/workers");
  assert.deepEqual([other.status, other.headers.get("allow")], [405, "GET, POST"]);
});

Deno.test("of changes at the same time one wins, and the others are told why they did not", async () => {
  await using router = await startRouter([], {}, {}, ADMIN);
  const [a, b] = [deadUrl(), deadUrl()];
  const outcomes = async (...asked: readonly (readonly [string, string, unknown?])[]) => {
    const answers = await Promise.all(
      asked.map(([method, path, value]) => ask(router, method, path, value)),
    );
    return answers.map(({ status, body }) => `${status} ${body.code ?? body.status}`).sort();
  };
  const named = [a, b].map((url) => ["POST", "/workers", { url, name: "gpu" }] as const);
  assert.deepEqual(await outcomes(...named), ["202 accepted", "409 WORKER_NAME_TAKEN"]);
  const [worker] = (await ask(router, "GET", "/workers")).body.workers;
  assert.equal(worker.name, "gpu");
  const path = `/workers/${worker.id}`;
  const other = worker.url === a ? b : a;
  await ask(router, "POST", "/workers", { url: other });
  const others = `/workers/${encodeURIComponent(other)}`;
  assert.deepEqual(
    await outcomes(["PATCH", path, { name: "x" }], ["PATCH", others, { name: "x" }]),
    ["202 accepted", "409 WORKER_NAME_TAKEN"],
  );
  assert.deepEqual(
    await outcomes(["DELETE", path], ["DELETE", path], ["PATCH", path, { name: "y" }]),
    ["202 accepted", "404 WORKER_NOT_FOUND", "404 WORKER_NOT_FOUND"],
  );
  const again = ["POST", "/workers", { url: worker.url }] as const;
  assert.deepEqual(await outcomes(again, again, again), [
    "202 accepted",
    "409 WORKER_ALREADY_EXISTS",
    "409 WORKER_ALREADY_EXISTS",
  ]);
});

Deno.test("a server that a source names too is that source's until it loses it, and keeps its state", async () => {
  await using server = startNamed("a");
  const folder = await Deno.makeTempDir();
  const file = `${folder}/servers.json`;
  const name = (...targets: readonly string[]) => {
    Deno.writeTextFileSync(`${file}.new`, JSON.stringify([{ targets, labels: { name: "gpu" } }]));
    Deno.renameSync(`${file}.new`, file);
  };
  name();
  const discovery = [{ name: "rack", files: [file] }];
  try {
    await using router = await startRouter([], {}, {}, { ...ADMIN, discovery });
    const path = `/workers/${encodeURIComponent(server.url)}`;
    const changes: string[] = [];
    const isOf = (source: string) =>
      until(`it is of ${source}`, async () => {
        const { body } = await ask(router, "GET", path);
        changes.push(body.health_status);
        return body.source === source;
      });
    await ask(router, "POST", "/workers", { url: server.url });
    await isHealthy(router, server.url);
    name(server.url);
    await isOf("rack");
    name();
    await isOf("api");
    assert.deepEqual(new Set(changes), new Set(["healthy"]));
    name(server.url);
    await isOf("rack");
    const removed = await ask(router, "DELETE", path);
    assert.equal(removed.status, 202);
    assert.deepEqual(removed.body.warnings, [
      `server.url: ${server.url} stays, since it is named by the source \`rack\` too`,
    ]);
    const again = await ask(router, "DELETE", path);
    assert.deepEqual([again.status, again.body.code], [409, "WORKER_NOT_ADDED"]);
    assert.equal(await servedBy(router), "a");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("scripts for vLLM Router get the answers that it gives", async () => {
  await using listed = startNamed("listed");
  await using server = startNamed("a");
  await using router = await startRouter([{ url: listed.url }], {}, {}, ADMIN);
  const { url } = server;
  const answers = async (method: string, path: string, status: number, body: unknown) => {
    const answer = await ask(router, method, path);
    assert.deepEqual([answer.status, answer.body], [status, body], path);
  };
  await answers("GET", "/list_workers", 200, { urls: [listed.url] });
  await answers("POST", `/add_worker?url=${url}`, 200, `Successfully added worker: ${url}`);
  await answers("POST", `/add_worker?url=${url}`, 400, `Worker ${url} already exists`);
  await answers("GET", "/list_workers", 200, { urls: [listed.url, url] });
  await answers("POST", `/remove_worker?url=${url}`, 200, `Successfully removed worker: ${url}`);
  await answers("POST", `/remove_worker?url=${url}`, 200, `Successfully removed worker: ${url}`);
  await answers("GET", "/list_workers", 200, { urls: [listed.url] });
  for (const path of ["/add_worker", "/remove_worker"]) {
    await answers("POST", path, 400, "Failed to deserialize query string: missing field `url`");
    assert.equal((await ask(router, "GET", path)).status, 405);
  }
  const encoded = encodeURIComponent(url);
  await answers("POST", `/add_worker?url=${encoded}`, 200, `Successfully added worker: ${url}`);
  await answers("POST", `/add_worker?url=${url}/`, 400, `Worker ${url}/ already exists`);
  await answers(
    "POST",
    `/remove_worker?url=${encoded}`,
    200,
    `Successfully removed worker: ${url}`,
  );
  const twice = "Failed to deserialize query string: duplicate field `url`";
  await answers("POST", `/add_worker?url=${url}&url=http://b:1`, 400, twice);
  assert.match((await ask(router, "POST", "/add_worker?url=nonsense")).body, /expected an address/);
  const kept = await ask(router, "POST", `/remove_worker?url=${listed.url}`);
  assert.equal(kept.status, 400);
  assert.match(kept.body, /named by the configuration file/);
});

Deno.test("a worker is drained and taken back, whatever named it", async () => {
  await using listed = startNamed("listed");
  await using router = await startRouter([{ url: listed.url }], {}, {}, ADMIN);
  const path = `/workers/${(await ask(router, "GET", "/workers")).body.workers[0].id}`;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  assert.equal((await ask(router, "POST", `${path}/drain`)).status, 202);
  assert.equal(state(), "draining");
  const [worker] = (await ask(router, "GET", "/workers")).body.workers;
  assert.deepEqual([worker.status, worker.is_healthy], ["draining", false]);
  assert.equal((await ask(router, "DELETE", `${path}/drain`)).status, 202);
  assert.equal(state(), "healthy");
});

Deno.test("servers that come and go under load lose no request", async () => {
  await using stays = startNamed("stays", () => pause(5));
  await using first = startNamed("first", () => pause(20));
  await using second = startNamed("second", () => pause(20));
  await using router = await startRouter(
    [{ url: stays.url, max_concurrent_requests: 2 }],
    {},
    {},
    ADMIN,
  );
  const served = new Map<string, number>();
  let isDone = false;
  const clients = Array.from({ length: 8 }, async () => {
    while (!isDone) {
      const by = await servedBy(router);
      served.set(by, (served.get(by) ?? 0) + 1);
    }
  });
  try {
    for (let round = 0; round < 3; round++) {
      for (const [name, server] of Object.entries({ first, second })) {
        await ask(router, "POST", `/add_worker?url=${server.url}`);
        const before = served.get(name) ?? 0;
        await until(`${name} serves`, () => (served.get(name) ?? 0) > before);
      }
      for (const { url } of [first, second]) await ask(router, "POST", `/remove_worker?url=${url}`);
    }
  } finally {
    isDone = true;
    await Promise.all(clients);
  }
  assert.deepEqual([...served.keys()].sort(), ["first", "second", "stays"]);
});

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

Deno.test("added servers outlive a restart with a state file, and a killed router too", async () => {
  await using server = startNamed("a");
  const folder = await Deno.makeTempDir();
  const state_file = `${folder}/state.json`;
  try {
    {
      await using router = await startRouter([], { state_file }, {}, ADMIN);
      const value = {
        url: server.url,
        name: "kept",
        max_concurrent_requests: 8,
        api_key: "secret-1",
      };
      const { body } = await ask(router, "POST", "/workers", value);
      assert.match(body.warnings[0], /^server\.api_key: it is not kept over a restart/);
      await until(
        "it is written before the router stops",
        () => Deno.readTextFileSync(state_file).includes(server.url),
      );
    }
    assert.doesNotMatch(Deno.readTextFileSync(state_file), /secret-1/);
    {
      await using router = await startRouter([], { state_file }, {}, ADMIN);
      await isHealthy(router, server.url);
      const [worker] = (await ask(router, "GET", "/workers")).body.workers;
      assert.deepEqual([worker.name, worker.max_concurrent_requests], ["kept", 8]);
      assert.equal(await servedBy(router), "a");
      await ask(router, "DELETE", `/workers/${worker.id}`);
    }
    await using router = await startRouter([], { state_file }, {}, ADMIN);
    assert.deepEqual((await ask(router, "GET", "/list_workers")).body, { urls: [] });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a crafted state file doesn't keep a router from starting", async () => {
  await using listed = startNamed("listed");
  const folder = await Deno.makeTempDir();
  const state_file = `${folder}/state.json`;
  const servers = [{ url: "http://[::1]:1" }, { url: "file:///etc/passwd" }, { url: 7 }, null];
  try {
    await Deno.writeTextFile(state_file, JSON.stringify({ version: 1, servers }));
    await using router = await startRouter([{ url: listed.url }], { state_file }, {}, ADMIN);
    assert.equal(await servedBy(router), "listed");
    const { urls } = (await ask(router, "GET", "/list_workers")).body;
    assert.deepEqual(urls, [listed.url, "http://[::1]:1"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
