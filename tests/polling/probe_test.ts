import assert from "node:assert/strict";
import { fetchBy } from "../../src/http/fetch.ts";
import { checkHealth, fetchModels, type Probe, Unauthorized } from "../../src/polling/probe.ts";
import type { ServerConfig } from "../../src/config/config.ts";
import { findMetrics } from "../../src/polling/recognise.ts";
import { failureIn } from "../../src/http/fetch_error.ts";
import { configOf } from "../support/config.ts";
import {
  deadUrl,
  metricsPage,
  modelsPage,
  startSilent,
  startUpstream,
} from "../support/upstream.ts";

/** The timeout of probes at servers that hang. */
const TIMEOUT_MS = 200;

async function probing(
  use: (probe: Probe) => Promise<void>,
  { timeoutMs = 60_000, signal = new AbortController().signal }: Partial<Probe> = {},
): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  await use({ fetch: fetchBy(client), timeoutMs, signal });
}

const metricsOf = async (server: ServerConfig, probe: Probe) =>
  (await findMetrics(server, undefined, probe)).metrics;

function serverAt(url: string, more: Record<string, unknown> = {}) {
  return configOf([{ url, ...more }]).servers[0]!;
}

for (
  const [status, more, unauthorized, why] of [
    [401, {}, true, "/v1/models answered 401; it needs an api_key"],
    [403, {}, true, "/v1/models answered 403; it needs an api_key"],
    [401, { api_key: "secret" }, true, "/v1/models answered 401; check its api_key"],
    [404, {}, false, "/v1/models answered 404"],
    [503, { api_key: "secret" }, false, "/v1/models answered 503"],
  ] as const
) {
  Deno.test(`a server without models reports why: ${why}`, () =>
    probing(async (probe) => {
      const { upstream } = answering({ "/v1/models": status });
      await using server = upstream;
      await assert.rejects(fetchModels(serverAt(server.url, more), undefined, probe), (error) => {
        assert.equal(failureIn(error), why);
        assert.equal(error instanceof Unauthorized, unauthorized);
        return true;
      });
    }));
}

/** A server that answers each path with that status and nothing else. */
function answering(statuses: Record<string, number>) {
  const asked: string[] = [];
  const upstream = startUpstream((request) => {
    const { pathname } = new URL(request.url);
    asked.push(pathname);
    return new Response(null, { status: statuses[pathname] ?? 404 });
  });
  return { upstream, asked };
}

for (
  const [statuses, ok, paths, health_path] of [
    [{ "/health": 200 }, true, ["/health"]],
    [{ "/health": 503, "/v1/models": 200 }, false, ["/health"]],
    [{ "/health": 500, "/v1/models": 200 }, false, ["/health"]],
    [{ "/health": 400, "/v1/models": 200 }, false, ["/health"]],
    [{ "/health": 429, "/v1/models": 200 }, false, ["/health"]],
    [{ "/health": 301, "/v1/models": 200 }, true, ["/health", "/v1/models"]],
    [{ "/health": 302, "/v1/models": 200 }, true, ["/health", "/v1/models"]],
    [{ "/health": 401, "/v1/models": 200 }, true, ["/health", "/v1/models"]],
    [{ "/health": 403, "/v1/models": 200 }, true, ["/health", "/v1/models"]],
    [{ "/health": 405, "/v1/models": 200 }, true, ["/health", "/v1/models"]],
    [{ "/health": 501, "/v1/models": 200 }, true, ["/health", "/v1/models"]],
    [{ "/v1/models": 200 }, true, ["/health", "/v1/models"]],
    [{ "/v1/models": 401 }, true, ["/health", "/v1/models"]],
    [{ "/v1/models": 403 }, true, ["/health", "/v1/models"]],
    [{ "/v1/models": 302 }, false, ["/health", "/v1/models"]],
    [{ "/health": 302, "/v1/models": 503 }, false, ["/health", "/v1/models"]],
    [{ "/health": 401, "/v1/models": 500 }, false, ["/health", "/v1/models"]],
    [{}, false, ["/health", "/v1/models"]],
    // A configured path is not second-guessed.
    [{ "/ready": 200, "/health": 503 }, true, ["/ready"], "/ready"],
    [{ "/ready": 302, "/v1/models": 200 }, false, ["/ready"], "/ready"],
    [{ "/health": 200, "/v1/models": 200 }, false, ["/ready"], "/ready"],
  ] as const
) {
  const asked = health_path === undefined ? "" : ` with health_path ${health_path}`;
  Deno.test(`a server of ${JSON.stringify(statuses)}${asked} is ${ok ? "well" : "not well"}, asked at ${paths.join(" and ")}`, () =>
    probing(async (probe) => {
      const { upstream, asked } = answering(statuses);
      await using server = upstream;
      const check = await checkHealth(
        serverAt(server.url, health_path ? { health_path } : {}),
        undefined,
        probe,
      );
      assert.equal(check.ok, ok);
      assert.ok(check.responseMs > 0);
      assert.deepEqual([check.refused, check.isSlow].map(Boolean), [false, false]);
      assert.deepEqual(asked, paths);
    }));
}

Deno.test("an unreachable server fails its check with a short reason without its address", () =>
  probing(async (probe) => {
    await using server = startUpstream(() => new Response(null, { status: 500 }));
    await using other = startUpstream(() => new Response(null, { status: 404 }));
    const overTls = server.url.replace("http:", "https:");
    for (
      const [url, why, isNobody] of [
        [deadUrl(), /^Connection refused$/, true],
        ["http://no-such-host.invalid:8000", /^dns error: [^/]+$/, true],
        [overTls, /^received corrupt message of type InvalidContentType$/, true],
        [server.url, /^\/health answered 500$/, false],
        [other.url, /^\/health answered 404 and \/v1\/models 404$/, false],
      ] as const
    ) {
      const { ok, failure, refused = false, isSlow = false } = await checkHealth(
        serverAt(url),
        undefined,
        probe,
      );
      assert.equal(ok, false);
      assert.match(failure ?? "", why);
      assert.equal(refused, isNobody, `${why}`);
      assert.equal(isSlow, false);
    }
  }));

Deno.test("a server that hangs fails its check after the timeout", () =>
  probing(async (probe) => {
    await using silent = startSilent();
    const { ok, responseMs, failure, isSlow, refused } = await checkHealth(
      serverAt(silent.url),
      undefined,
      probe,
    );
    assert.equal(ok, false);
    assert.deepEqual([isSlow, refused], [true, false]);
    assert.equal(failure, "/health took over 0.2 s");
    assert.ok(responseMs >= TIMEOUT_MS - 5 && responseMs < 30_000);
  }, { timeoutMs: TIMEOUT_MS }));

Deno.test("a server that hangs in mid-answer fails its check too", () =>
  probing(async (probe) => {
    const gone = Promise.withResolvers<void>();
    await using upstream = startUpstream(() =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(10)),
          cancel: () => gone.resolve(),
        }),
      )
    );
    const { ok, responseMs } = await checkHealth(serverAt(upstream.url), undefined, probe);
    assert.equal(ok, false);
    assert.ok(responseMs >= TIMEOUT_MS - 5 && responseMs < 30_000);
    await gone.promise;
  }, { timeoutMs: TIMEOUT_MS }));

Deno.test("a probe ends when its loop stops", async () => {
  const stop = new AbortController();
  await probing(async (probe) => {
    await using silent = startSilent();
    setTimeout(() => stop.abort(), 20);
    const { responseMs } = await checkHealth(serverAt(silent.url), undefined, probe);
    assert.ok(responseMs < 30_000, `${responseMs} ms`);
  }, { signal: stop.signal });
});

Deno.test("every probe sends the server's key, if any", () =>
  probing(async (probe) => {
    const seen: (string | null)[] = [];
    await using upstream = startUpstream((request) => {
      seen.push(request.headers.get("authorization"));
      return request.url.endsWith("/v1/models") ? modelsPage("m") : new Response("");
    });
    const keyed = serverAt(upstream.url, { api_key: "secret" });
    await checkHealth(keyed, undefined, probe);
    await fetchModels(keyed, undefined, probe);
    await metricsOf(keyed, probe);
    await checkHealth(serverAt(upstream.url), undefined, probe);
    assert.deepEqual(seen, [
      "Bearer secret",
      "Bearer secret",
      "Bearer secret",
      null,
    ]);
  }));

Deno.test("models are kept as the server describes them, and invalid entries are skipped", () =>
  probing(async (probe) => {
    const model = { id: "m", max_model_len: 4_096, permission: [{ id: "p" }] };
    await using upstream = startUpstream(() =>
      Response.json({ data: [model, null, "x", { id: 3 }, {}] })
    );
    assert.deepEqual(await fetchModels(serverAt(upstream.url), undefined, probe), [model]);
  }));

for (
  const [what, answer] of [
    ["no JSON", () => new Response("<html>")],
    ["JSON null", () => new Response("null")],
    ["no list", () => Response.json({ data: { id: "m" } })],
    ["an error", () => new Response("", { status: 500 })],
  ] as const
) {
  Deno.test(`/v1/models that answers ${what} is an error`, () =>
    probing(async (probe) => {
      await using upstream = startUpstream(answer);
      await assert.rejects(fetchModels(serverAt(upstream.url), undefined, probe), Error);
    }));
}

Deno.test("/metrics is read, a missing page gives undefined, and an unreachable server is an error", () =>
  probing(async (probe) => {
    await using upstream = startUpstream(() => metricsPage({ running: 2, waiting: 1 }));
    const metrics = await metricsOf(
      serverAt(upstream.url),
      probe,
    );
    assert.deepEqual([metrics?.running, metrics?.waiting], [2, 1]);

    await using without = answering({}).upstream;
    assert.equal(await metricsOf(serverAt(without.url), probe), undefined);
    await assert.rejects(metricsOf(serverAt(deadUrl()), probe));
  }));
