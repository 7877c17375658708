import assert from "node:assert/strict";
import { fetchBy } from "../../src/http/fetch.ts";
import type { ServerConfig } from "../../src/config/config.ts";
import { checkHealth, fetchModels, type Probe } from "../../src/polling/probe.ts";
import { findMetrics } from "../../src/polling/recognise.ts";
import { configOf } from "../support/config.ts";
import { metricsPage, startUpstream } from "../support/upstream.ts";

async function probing(use: (probe: Probe) => Promise<void>): Promise<void> {
  using client = Deno.createHttpClient({ http2: false });
  await use({ fetch: fetchBy(client), timeoutMs: 20_000, signal: new AbortController().signal });
}

const serverAt = (url: string) => configOf([{ url }]).servers[0]!;
const MIB = 1024 * 1024;

/** A page that never ends, and how reading it ended. */
const metricsOf = async (server: ServerConfig, probe: Probe) =>
  (await findMetrics(server, undefined, probe)).metrics;

function endless(line: string) {
  const bytes = new TextEncoder().encode(line.repeat(Math.ceil(65_536 / line.length)));
  const left = Promise.withResolvers<void>();
  let sent = 0;
  const page = () =>
    new Response(
      new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += bytes.length;
          controller.enqueue(bytes);
        },
        cancel: () => left.resolve(),
      }),
    );
  return { page, left: left.promise, sent: () => sent };
}

async function why(asked: Promise<unknown>): Promise<string> {
  return await asked.then(() => "nothing", (error: Error) => error.message);
}

for (
  const [path, mostMib, ask] of [
    ["/metrics", 4, (url: string, probe: Probe) => why(metricsOf(serverAt(url), probe))],
    [
      "/v1/models",
      1,
      (url: string, probe: Probe) => why(fetchModels(serverAt(url), undefined, probe)),
    ],
    [
      "/health",
      1,
      async (url: string, probe: Probe) =>
        (await checkHealth(serverAt(url), undefined, probe)).failure,
    ],
  ] as const
) {
  Deno.test(`an endless ${path} is read up to ${mostMib} MiB, then its connection is dropped`, () =>
    probing(async (probe) => {
      const { page, left, sent } = endless(`vllm:num_requests_running{engine="0"} 3.0\n`);
      await using upstream = startUpstream(page);
      assert.equal(await ask(upstream.url, probe), `${path} is larger than ${mostMib} MiB`);
      await left;
      // Both sides buffer some more.
      assert.ok(sent() < (mostMib + 16) * MIB, `${sent()} bytes`);
    }));

  Deno.test(`a compressed ${path} fails and is never decompressed`, () =>
    probing(async (probe) => {
      const accepted: (string | null)[] = [];
      const packed = new Blob([new Uint8Array(64 * MIB)]).stream()
        .pipeThrough(new CompressionStream("gzip"));
      const body = await new Response(packed).bytes();
      await using upstream = startUpstream((request) => {
        accepted.push(request.headers.get("accept-encoding"));
        return new Response(body, { headers: { "content-encoding": "gzip" } });
      });
      assert.equal(await ask(upstream.url, probe), `${path} is compressed`);
      assert.deepEqual(accepted, ["identity"]);
    }));
}

Deno.test("a page exactly at its limit is read whole, in chunks of any size", () =>
  probing(async (probe) => {
    const text = await metricsPage({ running: 2 }).text();
    const filling = "# a comment that fills the page up to what may be read\n";
    const page = text + filling.repeat(10_000);
    for (const step of [1_000, 65_536, page.length]) {
      await using upstream = startUpstream(() => {
        const bytes = new TextEncoder().encode(page);
        let at = 0;
        return new Response(
          new ReadableStream<Uint8Array>({
            pull(controller) {
              if (at >= bytes.length) return controller.close();
              controller.enqueue(bytes.subarray(at, at += step));
            },
          }),
          { headers: { "content-encoding": "identity" } },
        );
      });
      assert.equal((await metricsOf(serverAt(upstream.url), probe))?.running, 2);
    }
    const spaces = (bytes: number) => `{"data":[{"id":"m"}]}`.padEnd(bytes);
    let size = MIB;
    await using upstream = startUpstream(() => new Response(spaces(size)));
    assert.deepEqual(await fetchModels(serverAt(upstream.url), undefined, probe), [{ id: "m" }]);
    size++;
    assert.equal(
      await why(fetchModels(serverAt(upstream.url), undefined, probe)),
      "/v1/models is larger than 1 MiB",
    );
  }));

Deno.test("pages that are read at the same time and one after another are each server's own", () =>
  probing(async (probe) => {
    await using upstream = startUpstream((request) => {
      const id = new URL(request.url).pathname.slice(1).split("/")[0]!;
      return new Response(`{"data":[{"id":"${id}"}]}`.padEnd(Number(id)));
    });
    for (let round = 0; round < 3; round++) {
      const sizes = [100_000, 50, 300_000, 70_000, 40, 60].map(String);
      const read = await Promise.all(
        sizes.map((size) => fetchModels(serverAt(`${upstream.url}/${size}`), undefined, probe)),
      );
      assert.deepEqual(read, sizes.map((id) => [{ id }]));
    }
  }));

Deno.test("a fully read page leaves its connection open for reuse", () =>
  probing(async (probe) => {
    const ports = new Set<number>();
    await using upstream = startUpstreamSeeing(ports);
    for (let i = 0; i < 3; i++) {
      await checkHealth(serverAt(upstream.url), undefined, probe);
      await metricsOf(serverAt(upstream.url), probe);
    }
    assert.equal(ports.size, 1);
  }));

function startUpstreamSeeing(ports: Set<number>) {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (_, { remoteAddr }) => {
      ports.add(remoteAddr.port);
      return metricsPage({ running: 1 });
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
