import assert from "node:assert/strict";
import { writtenHash } from "../../src/config/key_hash.ts";
import { startRouter } from "../support/router.ts";
import { modelsPage, startUpstream } from "../support/upstream.ts";

const startServer = () =>
  startUpstream(({ url }) => url.endsWith("/v1/models") ? modelsPage("m") : new Response());

/** Every request that changes servers. The id is that of no server. */
const CHANGES = [
  ["POST", "/workers"],
  ["PUT", "/workers/x"],
  ["PATCH", "/workers/x"],
  ["DELETE", "/workers/x"],
  ["POST", "/workers/x/drain"],
  ["DELETE", "/workers/x/drain"],
  ["POST", "/add_worker"],
  ["POST", "/remove_worker"],
] as const;
/** Those that were there before keys were. */
const OLDER = [
  ["POST", "/servers/x/drain"],
  ["DELETE", "/servers/x/drain"],
  ["POST", "/v1/load_lora_adapter"],
  ["POST", "/v1/unload_lora_adapter"],
] as const;

/** Starts a router with this table `[admin]`, and asks at its admin address. */
async function startAdmin(admin: Record<string, unknown>) {
  const server = await startServer();
  const router = await startRouter([{ url: server.url }], {}, {}, { admin }, {
    KEY: "by-variable",
  });
  return {
    async ask([method, path]: readonly [string, string], headers: Record<string, string> = {}) {
      const url = `http://127.0.0.1:${router.admin!.port}${path}`;
      const response = await fetch(url, { method, headers });
      const text = await response.text();
      return { status: response.status, headers: response.headers, text };
    },
    router,
    async [Symbol.asyncDispose]() {
      await router.shutdown(0);
      await server[Symbol.asyncDispose]();
    },
  };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

Deno.test("with admin keys, every change needs one of them, and reading needs none", async () => {
  const api_keys = ["${KEY}", writtenHash("by-its-hash")];
  await using admin = await startAdmin({ listen: "127.0.0.1:0", api_keys });
  for (const change of [...CHANGES, ...OLDER]) {
    for (const headers of [{}, bearer("wrong-key"), bearer(api_keys[1]!), bearer("")]) {
      const { status, headers: head, text } = await admin.ask(change, headers);
      assert.equal(status, 401, change.join(" "));
      assert.equal(JSON.parse(text).error.code, "invalid_api_key");
      assert.match(head.get("www-authenticate")!, /^Bearer/);
    }
    for (const headers of [bearer("by-variable"), { "x-api-key": "by-its-hash" }]) {
      const { status } = await admin.ask(change, headers);
      assert.ok(status === 400 || status === 404, `${change.join(" ")}: ${status}`);
    }
  }
  for (const path of ["/workers", "/list_workers", "/health", "/metrics"]) {
    assert.equal((await admin.ask(["GET", path])).status, 200, path);
  }
  assert.equal((await admin.ask(["GET", "/workers/x"])).status, 404);
});

Deno.test("an empty list of admin keys allows no change", async () => {
  await using admin = await startAdmin({ listen: "127.0.0.1:0", api_keys: [] });
  for (const change of CHANGES) assert.equal((await admin.ask(change, bearer("x"))).status, 401);
});

Deno.test("a key of a client is none of the admin address", async () => {
  await using server = startServer();
  await using router = await startRouter([{ url: server.url }], {}, {}, {
    auth: { api_keys: ["key-of-a-client"] },
    admin: { listen: "127.0.0.1:0", api_keys: ["key-of-an-operator"] },
  });
  const statusOf = async (port: number, path: string, key: string) => {
    const url = `http://127.0.0.1:${port}${path}`;
    const response = await fetch(url, { method: "POST", headers: bearer(key), body: "{}" });
    await response.body?.cancel();
    return response.status;
  };
  assert.equal(await statusOf(router.admin!.port, "/workers", "key-of-a-client"), 401);
  assert.equal(await statusOf(router.port, "/v1/completions", "key-of-an-operator"), 401);
});

Deno.test("without admin keys, servers are added only where no one else reaches the admin address", async () => {
  {
    await using admin = await startAdmin({ listen: "0.0.0.0:0" });
    for (const change of CHANGES) {
      const { status, text } = await admin.ask(change);
      const { error } = JSON.parse(text);
      assert.deepEqual([status, error.code], [403, "admin_key_required"]);
      assert.match(error.message, /add it to admin\.api_keys/);
    }
    for (const change of OLDER) assert.notEqual((await admin.ask(change)).status, 403);
  }
  for (const listen of ["127.0.0.1:0", "localhost:0"]) {
    await using admin = await startAdmin({ listen });
    for (const change of CHANGES) assert.notEqual((await admin.ask(change)).status, 403);
  }
});

Deno.test("a page can't change servers, with a key or without", async () => {
  await using admin = await startAdmin({ listen: "127.0.0.1:0", api_keys: ["by-a-page"] });
  for (const change of [...CHANGES, ...OLDER]) {
    const origin = "http://127.0.0.1";
    const { status, text } = await admin.ask(change, { origin, ...bearer("by-a-page") });
    assert.deepEqual([status, JSON.parse(text).error.code], [403, "origin_not_allowed"]);
  }
});

Deno.test("nothing at the main address lists or changes servers", async () => {
  await using server = startServer();
  await using router = await startRouter([{ url: server.url }], {}, {}, {
    admin: { listen: "127.0.0.1:0" },
  });
  for (const [method, path] of [...CHANGES, ["GET", "/workers"], ["GET", "/list_workers"]]) {
    const response = await fetch(router.url + path, { method: method! });
    await response.body?.cancel();
    assert.equal(response.status, 404, `${method} ${path}`);
  }
});

Deno.test("a key of an added server is in no answer", async () => {
  await using admin = await startAdmin({ listen: "127.0.0.1:0" });
  const url = `http://127.0.0.1:${admin.router.admin!.port}`;
  const body = JSON.stringify({ url: "http://127.0.0.1:1", api_key: "marked-key" });
  const added = await fetch(`${url}/workers`, { method: "POST", body });
  assert.equal(added.status, 202);
  const pages = [added];
  for (const path of ["/workers", "/health", "/load-stats", "/dashboard/view", "/metrics"]) {
    pages.push(await fetch(url + path));
  }
  for (const page of pages) assert.doesNotMatch(await page.text(), /marked-key/);
});
