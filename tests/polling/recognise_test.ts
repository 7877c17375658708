import assert from "node:assert/strict";
import { type EngineName, engineNames } from "../../src/config/engine_name.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import { engineNameOf } from "../../src/fleet/state/engine.ts";
import { reasonOf, type Server, stateOf } from "../../src/fleet/state/server.ts";
import { openClientPool } from "../../src/http/client_pool.ts";
import { startPolling } from "../../src/polling/poll.ts";
import { configOf } from "../support/config.ts";
import { enginePages, type FakeEngine, type Pages, startEngine } from "../support/engines.ts";
import { until } from "../support/until.ts";

const QUICK = { metrics_interval: 0.02, health_check_interval: 0.05, health_check_timeout: 5 };

/** Polls a fake server of an engine. */
async function polled(
  pages: Pages,
  use: (
    polled: { server: Readonly<Server>; fake: FakeEngine; complaints: string[] },
  ) => Promise<void>,
  more: Record<string, unknown> = {},
) {
  await using fake = startEngine(pages);
  const connections = openClientPool();
  const fleet = new Fleet({ config: configOf([{ url: fake.url, name: "s", ...more }], QUICK) });
  const complaints: string[] = [];
  const poller = startPolling(fleet, connections, {
    onNoMetrics: (_, why) => complaints.push(why),
    onNoModels: (_, why) => complaints.push(why),
  });
  try {
    await poller.firstRound();
    await use({ server: fleet.servers[0]!, fake, complaints });
  } finally {
    await poller.stop();
    connections.close();
  }
}

const times = ({ asked }: FakeEngine, path: string) =>
  asked.filter((other) => other === path).length;

/** What each tells: requests in the batch and the queue, KV cache usage, hit tokens. */
const told: { readonly [name in EngineName]: readonly (number | undefined)[] | undefined } = {
  vllm: [2, 3, undefined, undefined],
  sglang: [2, 3, 0.5, 25],
  "llama.cpp": [2, 3, undefined, undefined],
  tgi: [2, 3, undefined, undefined],
  "tensorrt-llm": [2, 3, 0.5, 25],
  lmdeploy: [2, 3, 0.5, undefined],
  ollama: undefined,
  tei: [undefined, 3, undefined, undefined],
};

for (const name of engineNames) {
  Deno.test(`a server of ${name} is recognised, and what it doesn't tell stays unknown`, () =>
    polled(enginePages[name], async ({ server, fake, complaints }) => {
      await until("recognised", () => engineNameOf(server) === name);
      assert.equal(stateOf(server), "healthy", reasonOf(server));
      assert.deepEqual([...server.models.keys()], ["m"]);
      const asked = told[name];
      if (asked) {
        await until("read", () => server.scrape !== undefined);
        const { running, waiting, kvCacheUsage, counters } = server.scrape!;
        assert.deepEqual([running, waiting, kvCacheUsage, counters?.prefixHits], asked);
      } else {
        await until("checked again", () => times(fake, "/v1/models") > 2);
        assert.equal(server.scrape, undefined);
      }
      // Only its own pages are asked for from now on.
      const after = fake.asked.length;
      await until("polled on", () => fake.asked.length > after + 6);
      const pages = new Set(fake.asked.slice(after));
      assert.deepEqual([...pages].filter((path) => !enginePages[name][path]), []);
      assert.deepEqual(complaints, []);
    }));

  Deno.test(`engine = "${name}" is taken at its word, from the first request on`, () =>
    polled(enginePages[name], async ({ server, fake, complaints }) => {
      assert.equal(engineNameOf(server), name);
      await until("checked again", () => fake.asked.length > 8);
      assert.equal(stateOf(server), "healthy", reasonOf(server));
      assert.deepEqual([...server.models.keys()], ["m"]);
      assert.deepEqual(fake.asked.filter((path) => !enginePages[name][path]), []);
      assert.deepEqual(complaints, []);
    }, { engine: name }));
}

Deno.test("a server of vLLM is asked for nothing but its three pages", () =>
  polled(enginePages.vllm, async ({ fake }) => {
    await until("polled on", () => fake.asked.length > 20);
    assert.deepEqual([...new Set(fake.asked)].sort(), ["/health", "/metrics", "/v1/models"]);
  }));

Deno.test("TensorRT-LLM's statistics of each step, which are gone once read, are not read", () =>
  polled(enginePages["tensorrt-llm"], async ({ fake }) => {
    await until("scraped", () => times(fake, "/prometheus/metrics") > 3);
    assert.equal(times(fake, "/metrics"), 0);
  }));

Deno.test("a server that is restarted with another engine is recognised anew", () =>
  polled(enginePages.tgi, async ({ server, fake }) => {
    await until("recognised", () => server.scrape !== undefined);
    assert.equal(engineNameOf(server), "tgi");
    fake.pages = {};
    await until("out", () => stateOf(server) === "unhealthy");
    fake.pages = enginePages.tei;
    await until("back", () => stateOf(server) === "healthy");
    assert.equal(engineNameOf(server), "tei");
    await until("read", () => server.scrape?.running === undefined);
    fake.pages = {};
    await until("out again", () => stateOf(server) === "unhealthy");
    fake.pages = enginePages.vllm;
    await until("back again", () => server.scrape?.running === 2);
    assert.equal(engineNameOf(server), "vllm");
  }));

Deno.test("llama.cpp is out while it loads its model, and well without --metrics", async () => {
  const loading = () =>
    Response.json({
      error: { message: "Loading model", type: "unavailable_error", code: 503 },
    }, { status: 503 });
  const bare = {
    ...enginePages["llama.cpp"],
    "/metrics": () =>
      Response.json({ error: { code: 501, type: "not_supported_error" } }, { status: 501 }),
  };
  const pages = { "/health": loading, "/v1/models": loading, "/metrics": loading };
  await polled(pages, async ({ server, fake }) => {
    assert.equal(stateOf(server), "unhealthy");
    assert.match(reasonOf(server), /\/health answered 503/);
    fake.pages = bare;
    await until("loaded", () => stateOf(server) === "healthy");
    assert.equal(engineNameOf(server), "llama.cpp");
    await until("asked for metrics", () => times(fake, "/metrics") > 2);
    assert.equal(server.scrape, undefined);
  });
});

for (
  const [engine, real, complaint] of [
    ["sglang", "tgi", 'it answers as tgi, but engine = "sglang" is set for it'],
    ["sglang", "llama.cpp", 'it answers as llama.cpp, but engine = "sglang" is set for it'],
    ["vllm", "sglang", 'it answers as sglang, but engine = "vllm" is set for it'],
    ["ollama", "vllm", 'it answers as vllm, but engine = "ollama" is set for it'],
  ] as const
) {
  Deno.test(`engine = "${engine}" for a server of ${real} is reported, and it still serves`, () =>
    polled(enginePages[real], async ({ server, complaints }) => {
      await until("reported", () => complaints.length > 0);
      assert.deepEqual(complaints, [complaint]);
      assert.equal(stateOf(server), "healthy");
      assert.equal(server.scrape, undefined);
    }, { engine }));
}

Deno.test('engine = "tei" for a server without /info leaves it without models, and says so', () =>
  polled(enginePages.vllm, ({ server, complaints }) => {
    assert.equal(stateOf(server), "no_models");
    assert.deepEqual(complaints, ["/info answered 404"]);
    return Promise.resolve();
  }, { engine: "tei" }));

Deno.test("Ollama without models is recognised, and has none", () => {
  const none = () => Response.json({ object: "list", data: null });
  return polled({ ...enginePages.ollama, "/v1/models": none }, ({ server }) => {
    assert.equal(engineNameOf(server), "ollama");
    assert.equal(stateOf(server), "no_models");
    return Promise.resolve();
  });
});
