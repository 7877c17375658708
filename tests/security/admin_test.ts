import assert from "node:assert/strict";
import { checkConfig } from "../../src/config/schema.ts";
import { startGateway } from "../../src/gateway.ts";
import { http1 } from "../support/router.ts";
import { until } from "../support/until.ts";
import { bearer, configText, startGuarded, startRecorder, statusOf } from "./guarded.ts";
import { connectRaw } from "./raw_client.ts";

const PAGES = [
  "/load-stats",
  "/server-models",
  "/metrics",
  "/dashboard",
  "/dashboard/view",
  "/dashboard/history",
];
const pagesWith = (server: string) => [
  ...PAGES,
  `/dashboard/server?url=${encodeURIComponent(server)}`,
];
const ADMIN = `[admin]\nlisten = "127.0.0.1:0"`;
const KEYS = `[auth]\napi_keys = ["good-key"]`;

Deno.test("operator endpoints are on the main port by default, as in the original router", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url });
  assert.equal(router.gateway.admin, undefined);
  for (const path of [...pagesWith(server.url), "/health"]) {
    assert.equal(await statusOf(router.get(path)), 200, path);
  }
  assert.equal((await (await router.get("/health")).json()).servers[0].url, server.url);
});

Deno.test("with keys enabled, operator endpoints and the details of /health need one", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: KEYS });
  for (const path of [...pagesWith(server.url), "/dashboard/events"]) {
    assert.equal(await statusOf(router.get(path)), 401, path);
    assert.equal(await statusOf(router.get(path, bearer("bad"))), 401, path);
    assert.equal(await statusOf(router.get(path, bearer("good-key"))), 200, path);
  }
  for (const headers of [{}, bearer("bad")]) {
    const answer = await router.get("/health", headers);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { status: "healthy" });
  }
  const { servers } = await (await router.get("/health", bearer("good-key"))).json();
  assert.equal(servers[0].url, server.url);
});

Deno.test("with an admin address, operator endpoints need no key there and are not on the main port", async () => {
  await using server = startRecorder();
  for (const tables of [ADMIN, `${ADMIN}\n${KEYS}`]) {
    await using router = await startGuarded({ server: server.url, tables });
    const { adminUrl } = router;
    const headers = bearer("good-key");
    for (const path of pagesWith(server.url)) {
      assert.equal(await statusOf(router.get(path, headers)), 404, path);
      assert.equal(await statusOf(fetch(adminUrl + path)), 200, path);
    }
    const { servers } = await (await fetch(`${adminUrl}/health`)).json();
    assert.equal(servers[0].url, server.url);
    assert.deepEqual(await (await router.get("/health", headers)).json(), { status: "healthy" });

    // The admin address serves no client endpoints.
    assert.equal(await statusOf(fetch(`${adminUrl}/v1/models`)), 404);
    const asked = fetch(`${adminUrl}/v1/chat/completions`, { method: "POST", body: "{}" });
    assert.equal(await statusOf(asked), 404);
    assert.deepEqual(server.seen, []);
  }
});

Deno.test("the admin address accepts only its own names, which prevents DNS rebinding", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: ADMIN });
  const { port } = router.gateway.admin!;
  const status = async (target: string, host: string | undefined) => {
    await using connection = await connectRaw(port);
    await connection.send(
      `GET ${target} HTTP/1.1\r\n${host === undefined ? "" : `host: ${host}\r\n`}\r\n`,
    );
    return (await connection.answer("GET"))?.status;
  };
  const own = [
    `127.0.0.1:${port}`,
    "10.0.0.7",
    "[::1]:9090",
    "localhost",
    "LOCALHOST.:80",
    // The runtime fills in the address; HTTP/1.1 requires a Host.
    ...(http1 === "deno" ? [undefined] : []),
  ];
  for (const host of own) assert.equal(await status("/metrics", host), 200, host);
  const others = [
    "attacker.example",
    "attacker.example:9090",
    "127.0.0.1.attacker.example",
    "localhost.attacker.example",
    "router.internal",
    "[attacker.example]",
    "",
    ...(http1 === "own" ? [undefined] : []),
  ];
  for (const host of others) {
    for (const path of ["/metrics", "/health", "/dashboard/view", "/livez"]) {
      assert.notEqual(await status(path, host), 200, `${host} ${path}`);
    }
  }
  assert.equal(await status("/metrics", "attacker.example"), 421);
  const answer = await fetch(`http://127.0.0.1:${port}/health`, { method: "POST" });
  assert.equal(await statusOf(Promise.resolve(answer)), 405);

  const tables = `${ADMIN}\nhosts = ["Router.internal"]`;
  await router.write("servers.toml", configText({ server: server.url, tables }));
  await until(
    "a reload names it",
    async () => await status("/metrics", "router.internal:90") === 200,
  );
  assert.equal(await status("/metrics", "attacker.example"), 421);
});

Deno.test("/livez and /readyz are open at both addresses and show nothing else", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables: `${ADMIN}\n${KEYS}` });
  for (const url of [router.url, router.adminUrl]) {
    for (const [path, status] of [["/livez", "alive"], ["/readyz", "ready"]]) {
      const answer = await fetch(url + path);
      assert.equal(answer.status, 200);
      assert.deepEqual(await answer.json(), { status });
    }
  }
});

Deno.test("an admin address in use is a distinct error, and nothing stays half started", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const checked = checkConfig({
    servers: { servers: [{ url: "http://127.0.0.1:9" }] },
    admin: { listen: `127.0.0.1:${port}` },
  }, () => undefined);
  assert.ok(checked.ok);
  const { config } = checked;
  assert.throws(
    () => startGateway({ hostname: "127.0.0.1", port: 0, config }),
    (error: Error) =>
      error.name === "NoAdminAddress" && error.cause instanceof Deno.errors.AddrInUse,
  );
});
