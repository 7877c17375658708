import type { Exchange } from "../../src/http/exchange.ts";
import { createForward } from "../../src/api/forward.ts";
import assert from "node:assert/strict";
import { createAdminApp } from "../../src/api/admin_app.ts";
import { createApp } from "../../src/api/app.ts";
import { createGuard, type DenialReason } from "../../src/api/guard.ts";
import { createKeyring } from "../../src/auth/keyring.ts";
import { createTokenBudgets } from "../../src/auth/token_limits.ts";
import type { Access } from "../../src/config/config.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Server } from "../../src/fleet/state/server.ts";
import { createMetrics } from "../../src/monitor/metrics.ts";
import { createForwardedPaths } from "../../src/api/forwarded_paths.ts";
import { endpoints } from "../../src/vllm/endpoints.ts";
import type { Proxy } from "../../src/proxy/proxy.ts";
import { VERSION } from "../../src/version.ts";
import { accessWith, keyOf } from "../support/access.ts";
import { configOf } from "../support/config.ts";
import { viewOf } from "../monitor/terminal/view.ts";
import { profileOf } from "../support/work.ts";

const CLIENT = { transport: "tcp", hostname: "192.0.2.1", port: 1 } as const;
const ENVIRONMENT = { remoteAddr: CLIENT, completed: Promise.resolve() };
const MODEL = { id: "org/name:7b", object: "model", max_model_len: 4_096 };

function appWith(
  {
    healthy = true,
    accepting = true,
    happened = () => {},
    proxy = (exchange) => {
      exchange.respond(200, [], new TextEncoder().encode("proxied"));
      return Promise.resolve();
    },
    access = {},
    adminIsElsewhere = false,
  }: {
    healthy?: boolean;
    accepting?: boolean;
    happened?: (fleet: Fleet, server: Server, clock: { now: number }) => void;
    proxy?: Proxy;
    access?: Partial<Access>;
    adminIsElsewhere?: boolean;
  } = {},
) {
  const clock = { now: Date.now() };
  const fleet = new Fleet({ config: configOf([{ url: "http://a" }]), now: () => clock.now });
  const server = fleet.servers[0] as Server;
  fleet.recordModels(server, [MODEL, { id: "plain" }]);
  fleet.recordCheck(server, { ok: healthy, responseMs: 1 });
  happened(fleet, server, clock);
  const errors: unknown[] = [];
  const proxied: Exchange[] = [];
  const turned: DenialReason[] = [];
  const answered: [string, string, number][] = [];
  const inEffect = accessWith(access);
  const shown = {
    snapshot: () => fleet.snapshot(),
    monitor: {
      view: () => viewOf([]),
      history: () => assert.fail("not looked at"),
      detail: () => assert.fail("not asked"),
      watch: () => assert.fail("not watched"),
    },
    metrics: createMetrics(() => fleet.snapshot(), VERSION),
    modelNames: () => ({ aliases: [] }),
    onListed() {},
    stopping: accepting ? new AbortController().signal : AbortSignal.abort(),
    onAnswered: (...what: [string, string, number]) => void answered.push(what),
    onError: (error: unknown) => void errors.push(error),
  };
  const guard = createGuard({
    keyring: createKeyring(() => inEffect.keys),
    budgets: createTokenBudgets(() => inEffect),
    access: () => inEffect,
    settings: () => fleet.settings,
    onTurnedAway: (why) => void turned.push(why),
    onWrongKey() {},
  });
  const paths = createForwardedPaths(() => fleet.settings.extraPaths);
  const forward = createForward({
    paths,
    guard,
    proxy(exchange, client) {
      proxied.push(exchange);
      return proxy(exchange, client);
    },
    tracer: () => undefined,
    realtime: () => assert.fail("no WebSocket is expected"),
    onAnswered: shown.onAnswered,
  });
  const app = createApp({
    ...shown,
    forward,
    paths,
    guard,
    corsOrigins: () => inEffect.corsOrigins,
    adminIsElsewhere,
  });
  const adminApp = createAdminApp({
    ...shown,
    hosts: () => ["router"],
    setDrained: (name) => name === "a",
    loadAdapter: () => Promise.resolve(new Response()),
    workers: {},
    whyNot: () => undefined,
    hearPeer: () => Promise.resolve(new Response()),
  });
  const ask = async (path: string, init?: RequestInit) =>
    await app.request(`http://router${path}`, init, ENVIRONMENT);
  const askAdmin = async (path: string, init?: RequestInit) =>
    await adminApp.request(`http://router${path}`, init, ENVIRONMENT);
  return { ask, askAdmin, errors, proxied, turned, answered };
}

async function errorOf(response: Response) {
  const { error } = await response.json();
  assert.deepEqual(Object.keys(error).sort(), [
    "code",
    "message",
    "param",
    "type",
  ]);
  assert.match(error.code, /^[a-z_]+$/);
  return error;
}

Deno.test("every inference path is forwarded unchanged", async () => {
  const { ask, proxied } = appWith();
  for (const { method, path } of endpoints) {
    const body = method === "POST" ? "{}" : null;
    const response = await ask(`${path}?a=b`, { method, body });
    assert.equal(await response.text(), "proxied", path);
    const request = proxied.at(-1);
    assert.deepEqual([request?.method, request?.target], [method, `${path}?a=b`]);
    const sent = body === null ? undefined : new TextEncoder().encode(body);
    assert.deepEqual(await request?.body.read(), sent);
  }
});

Deno.test("management routes of servers are 404 for every method", async () => {
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

Deno.test("a wrong method for a known path is 405 with the allowed methods", async () => {
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
      /completions|embeddings/.test(path) ? "POST" : "GET, HEAD",
    );
  }
  assert.equal(proxied.length, 0);
});

Deno.test("a CORS preflight request is answered, and allows what it asks for", async () => {
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

Deno.test("the router's own responses and errors have CORS headers", async () => {
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

Deno.test("a server's response keeps its status and headers", async () => {
  const { ask } = appWith({
    proxy: (exchange) => {
      exchange.respond(418, [
        ["content-type", "text/event-stream; charset=utf-8"],
        ["x-request-id", "id-1"],
      ], new TextEncoder().encode("data: x\n\n"));
      return Promise.resolve();
    },
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

Deno.test("models are listed, and found by name with a plain or encoded slash", async () => {
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

Deno.test("an unknown model is 404, in OpenAI's format", async () => {
  const { ask } = appWith();
  for (const name of ["org", "name", "org/other", "org/name:7b/more"]) {
    const response = await ask(`/v1/models/${name}`);
    assert.equal(response.status, 404, name);
    const error = await errorOf(response);
    assert.equal(error.param, "model");
    assert.ok(error.message.includes(`\`${name}\``));
  }
});

Deno.test("the root names the service and the dashboard", async () => {
  const { ask } = appWith();
  assert.deepEqual(await (await ask("/")).json(), {
    service: "vLLM Router",
    version: VERSION,
    status: "running",
    dashboard: "/dashboard",
  });
});

Deno.test("/health is 503 with its document when no server is healthy", async () => {
  for (const [healthy, status] of [[true, 200], [false, 503]] as const) {
    const response = await appWith({ healthy }).ask("/health");
    assert.equal(response.status, status);
    assert.equal((await response.json()).healthy_servers, healthy ? 1 : 0);
  }
});

Deno.test("/load-stats and /server-models are 200 even when no server is healthy", async () => {
  const { ask } = appWith({ healthy: false });
  for (const path of ["/load-stats", "/server-models"]) {
    const response = await ask(path);
    assert.equal(response.status, 200);
    assert.ok((await response.json()).servers);
  }
});

Deno.test("the router is always alive, and ready while it has a server and isn't stopping", async () => {
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

/** Makes two requests fail, then lets the open time pass and a check succeed. */
function becomeHalfOpen(fleet: Fleet, server: Server, clock: { now: number }): void {
  for (let i = 0; i < 2; i++) {
    const lease = fleet.acquire(profileOf(), new Map());
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
  Deno.test(`with only a ${state} server, health and readiness are ${status} and ${models.length} models are listed`, async () => {
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

Deno.test("a HEAD request is answered like GET, without the body", async () => {
  const { ask } = appWith();
  const response = await ask("/health", { method: "HEAD" });
  assert.equal(response.status, 200);
  assert.equal(await response.text(), "");
});

Deno.test("an internal error is 500 in OpenAI's format, and is logged", async () => {
  const { ask, errors } = appWith({
    proxy: () => Promise.reject(new Error("secret detail")),
  });
  const response = await ask("/v1/chat/completions", { method: "POST" });
  assert.equal(response.status, 500);
  const error = await errorOf(response);
  assert.ok(!error.message.includes("secret"));
  assert.deepEqual(errors.map((error) => (error as Error).message), ["secret detail"]);
});

const OPEN = ["/livez", "/readyz"];
const LISTINGS = ["/", "/v1/models", "/v1/models/plain"];
const ADMIN = ["/load-stats", "/server-models", "/metrics", "/health"];
const KEYS = { keys: [keyOf("secret-1"), keyOf("secret-2", { models: ["plain"] })] };
const showing = (key: string) => ({ headers: { authorization: `Bearer ${key}` } });

Deno.test("with keys enabled, only liveness, readiness and the health summary need none", async () => {
  const { ask } = appWith({ access: KEYS });
  for (const path of OPEN) assert.equal((await ask(path)).status, 200, path);
  for (const path of [...LISTINGS, ...ADMIN.filter((path) => path !== "/health")]) {
    for (const init of [{}, showing("wrong")]) {
      const response = await ask(path, init);
      assert.equal(response.status, 401, path);
      assert.match(
        response.headers.get("www-authenticate") ?? "",
        /^(Bearer|Basic) realm="vllm-router"$/,
      );
      await errorOf(response);
    }
    const response = await ask(path, showing("secret-1"));
    await response.body?.cancel();
    assert.equal(response.status, 200, path);
  }
  assert.deepEqual(await (await ask("/health")).json(), { status: "healthy" });
  assert.equal((await (await ask("/health", showing("secret-1"))).json()).total_servers, 1);
});

Deno.test("only pages for people prompt a browser for a password", async () => {
  const { ask } = appWith({ access: KEYS });
  const challenge = async (path: string, method = "GET") =>
    (await ask(path, { method })).headers.get("www-authenticate");
  assert.match(await challenge("/load-stats") ?? "", /Basic realm="vllm-router"/);
  for (const [path, method] of [["/v1/models", "GET"], ["/v1/completions", "POST"]] as const) {
    assert.doesNotMatch(await challenge(path, method) ?? "", /Basic/);
  }
  const basic = { headers: { authorization: `Basic ${btoa("anybody:secret-1")}` } };
  assert.equal((await ask("/load-stats", basic)).status, 200);
});

Deno.test("a request without a valid key is not forwarded, and its rejection is reported", async () => {
  const { ask, proxied, turned, answered } = appWith({ access: KEYS });
  for (const init of [{}, showing("wrong")]) {
    const response = await ask("/v1/completions", { method: "POST", body: "{}", ...init });
    assert.equal(response.status, 401);
    assert.equal(response.headers.get("access-control-allow-origin"), "*");
    await errorOf(response);
  }
  assert.equal(proxied.length, 0);
  assert.deepEqual(turned, ["no_key", "no_key"]);
  assert.deepEqual(answered, Array(2).fill(["POST", "/v1/completions", 401]));
  const init = { method: "POST", body: "{}", ...showing("secret-1") };
  assert.equal(await (await ask("/v1/completions", init)).text(), "proxied");
});

Deno.test("a key limited to some models lists and finds only those", async () => {
  const { ask } = appWith({ access: KEYS });
  const { data } = await (await ask("/v1/models", showing("secret-2"))).json();
  assert.deepEqual(data, [{ id: "plain" }]);
  assert.equal((await ask("/v1/models/plain", showing("secret-2"))).status, 200);
  assert.equal((await ask(`/v1/models/${MODEL.id}`, showing("secret-2"))).status, 404);
});

Deno.test("with an admin address, operator endpoints are served only there, without a key", async () => {
  for (const access of [{}, KEYS]) {
    const { ask, askAdmin, proxied } = appWith({ access, adminIsElsewhere: true });
    for (const path of ADMIN.filter((path) => path !== "/health")) {
      assert.equal((await ask(path, showing("secret-1"))).status, 404, path);
    }
    assert.deepEqual(await (await ask("/health", showing("secret-1"))).json(), {
      status: "healthy",
    });
    for (const path of [...OPEN, ...ADMIN]) {
      const response = await askAdmin(path);
      await response.body?.cancel();
      assert.equal(response.status, 200, path);
    }
    assert.equal((await (await askAdmin("/health")).json()).total_servers, 1);
    for (const path of LISTINGS) {
      assert.equal((await askAdmin(path)).status, path === "/" ? 200 : 404, path);
    }
    const about = await Promise.all([ask("/", showing("secret-1")), askAdmin("/")]);
    const dashboards = await Promise.all(
      about.map(async (answer) => (await answer.json()).dashboard),
    );
    assert.deepEqual(dashboards, [undefined, "/dashboard"]);
    assert.equal((await askAdmin("/v1/completions", { method: "POST" })).status, 404);
    assert.equal(proxied.length, 0);
  }
});

Deno.test("pages of a disallowed origin can't read responses", async () => {
  const allowed = "https://app.example";
  const { ask } = appWith({ access: { corsOrigins: [allowed] } });
  const allow = async (path: string, origin: string, method = "GET") => {
    const response = await ask(path, { method, headers: { origin } });
    await response.body?.cancel();
    return response.headers.get("access-control-allow-origin");
  };
  for (const [path, method] of [["/v1/models", "GET"], ["/v1/completions", "OPTIONS"]] as const) {
    assert.equal(await allow(path, allowed, method), allowed);
    assert.equal(await allow(path, "https://evil.example", method), null);
  }
});

Deno.test("WebSocket upgrades are refused at every path but /v1/realtime", async () => {
  const { ask, proxied } = appWith();
  for (const path of ["/v1/chat/completions", "/", "/nowhere"]) {
    const response = await ask(path, { headers: { upgrade: "WebSocket" } });
    assert.equal(response.status, 501, path);
    await errorOf(response);
  }
  assert.equal(proxied.length, 0);
});
