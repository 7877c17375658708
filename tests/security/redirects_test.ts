import assert from "node:assert/strict";
import { startRouter } from "../support/router.ts";
import { metricsPage, modelsPage, startUpstream } from "../support/upstream.ts";

Deno.test("a server's redirect is not followed, and not passed on to the client", async () => {
  const elsewhere: string[] = [];
  await using other = startUpstream((request) => {
    elsewhere.push(request.url);
    return new Response();
  });
  const pages: Record<string, () => Response> = {
    "/health": () => new Response(),
    "/v1/models": () => modelsPage("m"),
    "/metrics": () => metricsPage(),
  };
  for (const redirected of ["/health", "/v1/models", "/metrics", "/v1/completions"]) {
    await using server = startUpstream((request) => {
      const { pathname } = new URL(request.url);
      return pathname === redirected
        ? new Response(null, { status: 307, headers: { location: `${other.url}${pathname}` } })
        : pages[pathname]?.() ?? new Response("{}");
    });
    await using router = await startRouter([{ url: server.url }]);
    const body = `{"prompt":"a"}`;
    const answer = await fetch(`${router.url}/v1/completions`, {
      method: "POST",
      body,
      redirect: "manual",
    });
    await answer.body?.cancel();
    // If `/health` is inconclusive, `/v1/models` decides whether the server is up; a server whose
    // models are unknown gets no requests.
    const expected = { "/v1/completions": 502, "/v1/models": 503 }[redirected] ?? 200;
    assert.equal(answer.status, expected, redirected);
  }
  assert.deepEqual(elsewhere, []);
});
