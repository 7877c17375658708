import assert from "node:assert/strict";
import { until } from "../support/until.ts";
import { bearer, configText, startGuarded, startRecorder, statusOf } from "./guarded.ts";

const APP = "https://app.example.com";

/** The response's `access-control-allow-origin`. Asserts that credentials are not allowed. */
async function allowed(answer: Promise<Response>): Promise<string | null> {
  const { headers, body } = await answer;
  await body?.cancel();
  assert.equal(headers.get("access-control-allow-credentials"), null);
  return headers.get("access-control-allow-origin");
}

Deno.test("pages of any origin may use the router without credentials, as in the original router", async () => {
  await using server = startRecorder(() =>
    Response.json({}, {
      headers: {
        "access-control-allow-origin": "https://server.example.com",
        "access-control-allow-credentials": "true",
      },
    })
  );
  await using router = await startGuarded({ server: server.url });
  const headers = { origin: APP };
  assert.equal(await allowed(router.ask({ headers })), "*");
  assert.equal(await allowed(router.ask({ headers, body: "no JSON" })), "*");
  for (const path of ["/v1/models", "/health", "/nowhere"]) {
    assert.equal(await allowed(router.get(path, headers)), "*", path);
  }
});

Deno.test("with configured origins, only their pages may use the router, and responses vary by origin", async () => {
  await using server = startRecorder();
  const tables = (origins: string) =>
    `[cors]\nallow_origins = [${origins}]\n[auth]\napi_keys = ["good-key"]`;
  await using router = await startGuarded({ server: server.url, tables: tables(`"${APP}"`) });
  const cases = [
    [APP, APP],
    ["https://evil.example.com", null],
    [`${APP}.evil.example.com`, null],
    ["http://app.example.com", null],
    ["null", null],
  ] as const;
  const check = async (origin: string, expected: string | null) => {
    for (const key of ["good-key", "bad"]) {
      const headers = { origin, ...bearer(key) };
      assert.equal(await allowed(router.ask({ headers })), expected, origin);
      assert.equal(await allowed(router.get("/v1/models", headers)), expected, origin);
      const asking = fetch(`${router.url}/v1/chat/completions`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
      assert.equal(await allowed(asking), expected, origin);
    }
  };
  for (const [origin, expected] of cases) await check(origin, expected);
  // Browsers send no preflight request before a plain-text POST.
  const posted = (origin: string) =>
    statusOf(
      router.ask({ headers: { origin, "content-type": "text/plain", ...bearer("good-key") } }),
    );
  assert.equal(await posted(APP), 200);
  const before = server.seen.length;
  for (const [origin, expected] of cases) {
    if (expected !== null) continue;
    assert.equal(await posted(origin), 403, origin);
    assert.equal(await statusOf(router.get("/v1/models", { origin, ...bearer("good-key") })), 403);
  }
  assert.equal(server.seen.length, before);
  assert.equal(await posted(router.url), 403, "a page's own name may be rebound to this address");
  const answer = await router.ask({ headers: bearer("good-key") });
  await answer.body?.cancel();
  assert.match(answer.headers.get("vary")!, /origin/i);

  await router.write("servers.toml", configText({ server: server.url, tables: tables("") }));
  await until(
    "a reload closes it",
    async () => await allowed(router.get("/v1/models", { origin: APP })) === null,
  );
  for (const [origin] of cases) await check(origin, null);
});
