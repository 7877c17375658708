import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { bearer, startGuarded, startRecorder, statusOf } from "./guarded.ts";

const ROUTER_KEYS = `[auth]\napi_keys = ["of-the-router"]`;
const SERVER_KEY = `api_key = "of-the-server"`;

/** The key headers that a server receives for a client's headers. */
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

Deno.test("without configured keys, clients' keys are passed on to the server", async () => {
  assert.deepEqual(await seen(bearer("of-the-client"), {}), ["Bearer of-the-client", null, null]);
  assert.deepEqual(await seen({ "x-api-key": "of-the-client" }, {}), [null, "of-the-client", null]);
});

Deno.test("a server's key replaces the client's key in any header", async () => {
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

Deno.test("the router's keys are sent to no server, with or without a key of its own", async () => {
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

Deno.test("the router sends the server's key when it polls health, models and metrics", async () => {
  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    serverKeys: SERVER_KEY,
    tables: ROUTER_KEYS,
  });
  const paths = () => [...new Set(server.looks.map(({ path }) => path))].sort();
  await until("all have been polled", () => paths().length === 3);
  assert.deepEqual(paths(), ["/health", "/metrics", "/v1/models"]);
  for (const { headers } of server.looks) {
    assert.equal(headers.get("authorization"), "Bearer of-the-server");
  }
  assert.equal(router.gateway.fleet.snapshot().servers[0]!.state, "healthy");
});
