import assert from "node:assert/strict";
import { createApp } from "../../src/api/app.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Server } from "../../src/fleet/server.ts";
import { createMetrics } from "../../src/monitor/metrics.ts";
import { inferencePaths } from "../../src/proxy/paths.ts";
import type { Proxy } from "../../src/proxy/proxy.ts";
import { VERSION } from "../../src/version.ts";
import { configOf } from "../support/config.ts";

const CLIENT = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
const MODEL = { id: "org/name:7b", object: "model", max_model_len: 4_096 };

function appWith(
  {
    healthy = true,
    accepting = true,
    happened = () => {},
    proxy = () => Promise.resolve(new Response("proxied")),
  }: {
    healthy?: boolean;
    accepting?: boolean;
    happened?: (fleet: Fleet, server: Server, clock: { now: number }) => void;
    proxy?: Proxy;
  } = {},
) {
  const clock = { now: Date.now() };
  const fleet = new Fleet({ config: configOf([{ url: "http://a" }]), now: () => clock.now });
  const server = fleet.servers[0] as Server;
  fleet.recordModels(server, [MODEL, { id: "plain" }]);
  fleet.recordCheck(server, { ok: healthy, responseMs: 1 });
  happened(fleet, server, clock);
  const errors: Error[] = [];
  const proxied: Request[] = [];
  const app = createApp({
    proxy: (request, clientAddress) => {
      proxied.push(request);
      return proxy(request, clientAddress);
    },
    snapshot: () => fleet.snapshot(),
    monitor: {
      view: () => assert.fail("not looked at"),
      history: () => assert.fail("not looked at"),
      watch: () => assert.fail("not watched"),
    },
    metrics: createMetrics(() => fleet.snapshot(), VERSION),
    stopping: accepting ? new AbortController().signal : AbortSignal.abort(),
    onAnswered() {},
    onError: (error) => void errors.push(error),
  });
  const ask = async (path: string, init?: RequestInit) =>
    await app.request(`http://router${path}`, init, { remoteAddr: CLIENT });
  return { ask, errors, proxied };
}

async function errorOf(response: Response) {
  const { error } = await response.json();
  assert.deepEqual(Object.keys(error).sort(), [
    "code",
    "message",
    "param",
    "type",
  ]);
  assert.equal(error.code, response.status);
  return error;
}

Deno.test("every inference path is forwarded, as the request came", async () => {
  const { ask, proxied } = appWith();
  for (const path of inferencePaths) {
    const response = await ask(`${path}?a=b`, { method: "POST", body: "{}" });
    assert.equal(await response.text(), "proxied", path);
    const request = proxied.at(-1);
    assert.equal(request?.url, `http://router${path}?a=b`);
    assert.equal(await request?.text(), "{}");
  }
});

Deno.test("what manages a server is nothing of ours, by any method", async () => {
  const { ask, proxied } = appWith();
  for (
    const path of ["/sleep", "/v1/load_lora_adapter", "/docs", "/metricsx"]
  ) {
    for (const method of ["GET", "POST", "DELETE"]) {
      const response = await ask(path, { method });
      assert.equal(response.status, 404, `${method} ${path}`);
      await errorOf(response);
    }
  }
  assert.equal(proxied.length, 0);
});

Deno.test("the wrong method for a known path is 405 and names what is allowed", async () => {
  const { ask, proxied } = appWith();
  for (
    const [method, path] of [
      ["GET", "/v1/chat/completions"],
      ["PUT", "/v1/embeddings"],
      ["DELETE", "/v1/completions"],
      ["POST", "/v1/models"],
      ["POST", "/health"],
      ["PATCH", "/"],
      ["POST", "/livez"],
    ] as const
  ) {
    const response = await ask(path, { method });
    assert.equal(response.status, 405, `${method} ${path}`);
    await errorOf(response);
    assert.equal(
      response.headers.get("allow"),
      inferencePaths.includes(path) ? "POST" : "GET, HEAD",
    );
  }
  assert.equal(proxied.length, 0);
});

Deno.test("a browser's preflight is answered, and what it asks for allowed", async () => {
  const { ask, proxied } = appWith();
  const response = await ask("/v1/chat/completions", {
    method: "OPTIONS",
    headers: {
      origin: "https://chat.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    },
  });
  assert.equal(response.status, 204);
  const header = (name: string) => response.headers.get(`access-control-${name}`) ?? "";
  assert.equal(header("allow-origin"), "*");
  assert.match(header("allow-methods"), /\bPOST\b/);
  assert.match(header("allow-headers"), /authorization/i);
  assert.match(header("allow-headers"), /content-type/i);
  assert.equal(proxied.length, 0);
});

Deno.test("answers from memory and errors are readable for a browser", async () => {
  const { ask } = appWith();
  for (
    const [path, method] of [
      ["/v1/models", "GET"],
      ["/v1/models/other", "GET"],
      ["/nowhere", "GET"],
      ["/health", "PUT"],
    ] as const
  ) {
    const response = await ask(path, {
      method,
      headers: { origin: "https://chat.example" },
    });
    await response.body?.cancel();
    assert.equal(
      response.headers.get("access-control-allow-origin"),
      "*",
      path,
    );
  }
});

Deno.test("a server's answer keeps its status and headers", async () => {
  const { ask } = appWith({
    proxy: () =>
      Promise.resolve(
        new Response("data: x\n\n", {
          status: 418,
          headers: {
            "content-type": "text/event-stream; charset=utf-8",
            "x-request-id": "id-1",
          },
        }),
      ),
  });
  const response = await ask("/v1/completions", { method: "POST" });
  assert.equal(response.status, 418);
  assert.equal(
    response.headers.get("content-type"),
    "text/event-stream; charset=utf-8",
  );
  assert.equal(response.headers.get("x-request-id"), "id-1");
  assert.equal(await response.text(), "data: x\n\n");
});

Deno.test("models are listed and found by name, with a slash or encoded", async () => {
  const { ask } = appWith();
  assert.deepEqual((await (await ask("/v1/models")).json()).data, [
    MODEL,
    { id: "plain" },
  ]);
  for (const name of ["org/name:7b", "org%2Fname%3A7b"]) {
    const response = await ask(`/v1/models/${name}`);
    assert.equal(response.status, 200, name);
    assert.deepEqual(await response.json(), MODEL);
  }
});

Deno.test("a model that is not there is 404, as OpenAI says it", async () => {
  const { ask } = appWith();
  for (const name of ["org", "name", "org/other", "org/name:7b/more"]) {
    const response = await ask(`/v1/models/${name}`);
    assert.equal(response.status, 404, name);
    const error = await errorOf(response);
    assert.equal(error.param, "model");
    assert.ok(error.message.includes(`\`${name}\``));
  }
});

Deno.test("the root names the service", async () => {
  const { ask } = appWith();
  assert.deepEqual(await (await ask("/")).json(), {
    service: "vLLM Router",
    version: VERSION,
    status: "running",
  });
});

Deno.test("health is 503 when no server is healthy, the document comes along", async () => {
  for (const [healthy, status] of [[true, 200], [false, 503]] as const) {
    const response = await appWith({ healthy }).ask("/health");
    assert.equal(response.status, status);
    assert.equal((await response.json()).healthy_servers, healthy ? 1 : 0);
  }
});

Deno.test("load-stats and server-models answer even when no server is healthy", async () => {
  const { ask } = appWith({ healthy: false });
  for (const path of ["/load-stats", "/server-models"]) {
    const response = await ask(path);
    assert.equal(response.status, 200);
    assert.ok((await response.json()).servers);
  }
});

Deno.test("alive is the router itself, ready is it with a server and not on its way out", async () => {
  for (
    const [state, livez, readyz] of [
      [{}, 200, 200],
      [{ healthy: false }, 200, 503],
      [{ accepting: false }, 200, 503],
    ] as const
  ) {
    const { ask } = appWith(state);
    const statuses = [];
    for (const path of ["/livez", "/readyz"]) {
      const response = await ask(path);
      await response.body?.cancel();
      statuses.push(response.status);
    }
    assert.deepEqual(statuses, [livez, readyz], JSON.stringify(state));
  }
});

/** Two requests failed, and time and a check have passed. */
function becomeHalfOpen(fleet: Fleet, server: Server, clock: { now: number }): void {
  for (let i = 0; i < 2; i++) {
    const lease = fleet.acquire(undefined, new Set());
    assert.ok(typeof lease === "object");
    lease.end("reset");
  }
  clock.now = server.health.openUntil;
  fleet.recordCheck(server, { ok: true, responseMs: 1 });
}

function becomeStalled(fleet: Fleet, server: Server, clock: { now: number }): void {
  const counters = { prompt: 1, generation: 1, prefixQueries: 0, prefixHits: 0 };
  const page = { running: 1, waiting: 0, kvCacheUsage: 0, counters, maxFds: 1, ownInFlight: 0 };
  fleet.recordScrape(server, page, false);
  clock.now += 60_000;
  fleet.recordScrape(server, page, false);
}

for (
  const [state, happened, status, models] of [
    ["half-open", becomeHalfOpen, 200, [MODEL.id, "plain"]],
    ["stalled", becomeStalled, 503, []],
  ] as const
) {
  Deno.test(`with a ${state} server alone, health and readiness are ${status} and ${models.length} models are listed`, async () => {
    const { ask } = appWith({ happened });
    const health = await ask("/health");
    const document = await health.json();
    assert.equal(document.servers[0].health_status, state);
    assert.equal(document.servers[0].healthy, false);
    assert.equal(document.healthy_servers, 0);
    assert.equal(health.status, status);
    const ready = await ask("/readyz");
    await ready.body?.cancel();
    assert.equal(ready.status, status);
    const { data } = await (await ask("/v1/models")).json();
    assert.deepEqual(data.map(({ id }: { id: string }) => id), models);
  });
}

Deno.test("a HEAD request is answered like a GET without its body", async () => {
  const { ask } = appWith();
  const response = await ask("/health", { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "");
});

Deno.test("an error inside is 500 in the known shape, and told to the log", async () => {
  const { ask, errors } = appWith({
    proxy: () => Promise.reject(new Error("secret detail")),
  });
  const response = await ask("/v1/chat/completions", { method: "POST" });
  assert.equal(response.status, 500);
  const error = await errorOf(response);
  assert.ok(!error.message.includes("secret"));
  assert.deepEqual(errors.map(({ message }) => message), ["secret detail"]);
});
