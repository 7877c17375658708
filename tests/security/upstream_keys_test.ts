import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { bearer, startGuarded, startRecorder, statusOf } from "./guarded.ts";

const ROUTER_KEYS = `[auth]\napi_keys = ["of-the-router"]`;
const SERVER_KEY = `api_key = "of-the-server"`;

/** What a server sees of keys, where a client shows those. */
async function seen(
  headers: Record<string, string>,
  { tables = "", serverKeys = "" },
): Promise<(string | null)[]> {
  await using server = startRecorder();
  await using router = await startGuarded({ server: server.url, tables, serverKeys });
  assert.equal(await statusOf(router.ask({ headers })), 200);
  const [request] = server.seen;
  return ["authorization", "x-api-key", "api-key"].map((name) => request!.headers.get(name));
}

Deno.test("without any key in the configuration a server gets its clients' own", async () => {
  assert.deepEqual(await seen(bearer("of-the-client"), {}), ["Bearer of-the-client", null, null]);
  assert.deepEqual(await seen({ "x-api-key": "of-the-client" }, {}), [null, "of-the-client", null]);
});

Deno.test("a server's key takes the place of what a client shows, in any header", async () => {
  const both = { ...bearer("of-the-client"), "x-api-key": "of-the-client" };
  for (
    const headers of [{}, both, { "x-api-key": "of-the-client" }, {
      "api-key": "of-the-client",
    }] as Record<string, string>[]
  ) {
    const got = await seen(headers, { serverKeys: SERVER_KEY });
    assert.deepEqual(got, ["Bearer of-the-server", null, null]);
  }
});

Deno.test("the router's keys go to no server, whether it has one of its own or not", async () => {
  const other = { "x-api-key": "something-else" };
  for (
    const headers of [
      bearer("of-the-router"),
      { ...bearer("of-the-router"), ...other },
      { "x-api-key": "of-the-router" },
      { "api-key": "of-the-router" },
      { ...bearer("none"), "api-key": "of-the-router" },
    ] as Record<string, string>[]
  ) {
    assert.deepEqual(await seen(headers, { tables: ROUTER_KEYS }), [null, null, null]);
    assert.deepEqual(
      await seen(headers, { tables: ROUTER_KEYS, serverKeys: SERVER_KEY }),
      ["Bearer of-the-server", null, null],
    );
  }
});

Deno.test("the router shows a server its key where it looks at health, models and load", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    serverKeys: SERVER_KEY,
    tables: ROUTER_KEYS,
  });
  const paths = () => [...new Set(server.looks.map(({ path }) => path))].sort();
  await until("all were looked at", () => paths().length === 3);
  assert.deepEqual(paths(), ["/health", "/metrics", "/v1/models"]);
  for (const { headers } of server.looks) {
    assert.equal(headers.get("authorization"), "Bearer of-the-server");
  }
  assert.equal(router.gateway.fleet.snapshot().servers[0]!.state, "healthy");
});
