import assert from "node:assert/strict";
import { healthDocument } from "../../src/api/health.ts";
import { loadStatsDocument } from "../../src/api/load_stats.ts";
import { modelsDocument, serverModelsDocument } from "../../src/api/models.ts";
import { Fleet } from "../../src/fleet/fleet.ts";
import type { Server } from "../../src/fleet/state/server.ts";
import { configOf } from "../support/config.ts";
import { profileOf } from "../support/work.ts";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const NOW_ISO = "2026-01-02T03:04:05.678Z";
const A = "http://a:8000";
const B = "http://b:8000";

/** The estimates for a server without observations. */
const UNSEEN = {
  pending_prefill_tokens: 0,
  prefill_tokens_per_second: 10_000,
  prefill_doubles_at_tokens: null,
  first_token_overhead_seconds: 0.04,
  seconds_per_answer_token: 0.03,
  prefix_blocks: 0,
  predicted_prefix_hit_rate: null,
  prefix_hit_rate: null,
  prefix_trust: 0.97,
};

/** Servers of which the first `healthy` are healthy. */
function fleetWith(
  total: number,
  healthy: number,
  settings: Record<string, unknown> = {},
): Fleet {
  const servers = Array.from({ length: total }, (_, i) => ({
    url: `http://${"abcdefghijkl"[i]}:8000`,
    max_concurrent_requests: 4,
  }));
  const fleet = new Fleet({
    config: configOf(servers, settings),
    now: () => NOW,
  });
  for (const [i, server] of serversOf(fleet).entries()) {
    fleet.recordModels(server, [{ id: "m", max_model_len: 4_096 }]);
    fleet.recordCheck(server, { ok: i < healthy, responseMs: 250 });
  }
  return fleet;
}

function serversOf(fleet: Fleet): Server[] {
  return fleet.servers as Server[];
}

Deno.test("the health document has the original router's fields", () => {
  const fleet = fleetWith(2, 1, {
    health_check_interval: 12,
    health_check_min_success_rate: 0.9,
    health_check_max_response_time: 7,
    enable_active_health_check: false,
  });
  const [well, out] = serversOf(fleet);
  fleet.recordCheck(well!, { ok: true, responseMs: 750 });
  const failedSince = Date.UTC(2026, 10, 28);
  const document = healthDocument(fleet.snapshot(), {
    sources: [
      { name: "dns a", servers: 2, failure: null, failedSince: null },
      { name: "files b", servers: null, failure: "away", failedSince },
    ],
    peers: [
      { router: "http://a:9090", up: true, since: failedSince, problem: null },
      { router: "http://b:9090", up: false, since: failedSince, problem: "it sends nothing" },
    ],
  });
  assert.deepEqual(document, {
    status: "degraded",
    health_score: 0.5,
    total_servers: 2,
    healthy_servers: 1,
    unhealthy_servers: 1,
    servers: [{
      url: A,
      name: "a:8000",
      healthy: true,
      health_status: "healthy",
      reason: well!.health.reason,
      last_check: NOW_ISO,
      consecutive_failures: 0,
      success_rate: 1,
      avg_response_time: 0.5,
      last_response_time: 0.75,
      total_checks: 2,
      supported_models: ["m"],
      models_last_updated: NOW_ISO,
    }, {
      url: B,
      name: "b:8000",
      healthy: false,
      health_status: "unhealthy",
      reason: out!.health.reason,
      last_check: NOW_ISO,
      consecutive_failures: 1,
      success_rate: 0,
      avg_response_time: 0.25,
      last_response_time: 0.25,
      total_checks: 1,
      supported_models: ["m"],
      models_last_updated: NOW_ISO,
    }],
    sources: [
      { name: "dns a", servers: 2, failure: null, failed_since: null },
      { name: "files b", servers: null, failure: "away", failed_since: "2026-11-28T00:00:00.000Z" },
    ],
    peers: [
      { router: "http://a:9090", up: true, since: "2026-11-28T00:00:00.000Z", problem: null },
      {
        router: "http://b:9090",
        up: false,
        since: "2026-11-28T00:00:00.000Z",
        problem: "it sends nothing",
      },
    ],
    config: {
      health_check_enabled: false,
      health_check_interval: 12,
      min_success_rate: 0.9,
      max_response_time: 7,
    },
  });
});

Deno.test("a server that hasn't been checked yet has no times", () => {
  const fleet = new Fleet({ config: configOf([{ url: A }]) });
  const [server] = healthDocument(fleet.snapshot()).servers;
  assert.equal(server?.health_status, "checking");
  assert.equal(server?.healthy, false);
  assert.equal(server?.last_check, null);
  assert.equal(server?.last_response_time, null);
  assert.equal(server?.models_last_updated, null);
  const [stats] = loadStatsDocument(fleet.snapshot()).servers;
  assert.equal(stats?.last_updated, null);
});

for (
  const [total, healthy, status] of [
    [10, 10, "healthy"],
    [5, 4, "healthy"],
    [10, 7, "degraded"],
    [4, 2, "degraded"],
    [9, 4, "unhealthy"],
    [3, 0, "unhealthy"],
  ] as const
) {
  Deno.test(`${healthy} of ${total} servers healthy is ${status}`, () => {
    const document = healthDocument(fleetWith(total, healthy).snapshot());
    assert.equal(document.status, status);
    assert.equal(document.health_score, healthy / total);
    assert.equal(document.unhealthy_servers, total - healthy);
  });
}

Deno.test("without servers, the status is no_servers", () => {
  const none = { ...fleetWith(1, 1).snapshot(), servers: [] };
  const document = healthDocument(none);
  assert.equal(document.status, "no_servers");
  assert.equal(document.health_score, 0);
  const { summary } = loadStatsDocument(none);
  assert.equal(summary.overall_utilization_percent, 0);
  assert.equal(summary.prefix_blocks, 0);
});

Deno.test("a draining server is not counted", () => {
  const fleet = fleetWith(2, 2);
  fleet.acquire(profileOf({ model: "m" }), new Map([[serversOf(fleet)[1]!, Infinity]]));
  fleet.reconcile(configOf([{ url: B }]));
  assert.equal(fleet.servers.length, 2, "one drains");
  const document = healthDocument(fleet.snapshot());
  assert.equal(document.status, "healthy");
  assert.equal(document.unhealthy_servers, 0);
});

Deno.test("the load document has the original router's fields and the estimates for each server", () => {
  const fleet = fleetWith(2, 1);
  const [well] = serversOf(fleet);
  fleet.recordScrape(well!, {
    running: 2,
    waiting: 1,
    kvCacheUsage: 0.125,
    maxFds: 1_024,
    ownInFlight: 0,
  }, false);
  fleet.acquire(profileOf({ model: "m", promptBytes: 4_000, blocks: [1, 2, 3] }), new Map());
  assert.deepEqual(loadStatsDocument(fleet.snapshot()), {
    servers: [{
      url: A,
      name: "a:8000",
      current_load: 4,
      max_capacity: 4,
      available_capacity: 0,
      utilization_percent: 100,
      status: true,
      health_status: "healthy",
      last_updated: NOW_ISO,
      in_flight: 1,
      running: 2,
      waiting: 2,
      load: 0.75,
      ...UNSEEN,
      // Four bytes are assumed per token.
      pending_prefill_tokens: 1_000,
      prefix_blocks: 3,
      detailed_metrics: {
        num_requests_running: 2,
        num_requests_waiting: 1,
        gpu_cache_usage_perc: 0.125,
        process_max_fds: 1_024,
      },
    }, {
      url: B,
      name: "b:8000",
      current_load: 0,
      max_capacity: 4,
      available_capacity: 4,
      utilization_percent: 0,
      status: false,
      health_status: "unhealthy",
      last_updated: null,
      in_flight: 0,
      running: 0,
      waiting: 0,
      load: 0,
      ...UNSEEN,
      detailed_metrics: {
        num_requests_running: null,
        num_requests_waiting: null,
        gpu_cache_usage_perc: null,
        process_max_fds: 65_535,
      },
    }],
    summary: {
      total_servers: 2,
      healthy_servers: 1,
      total_active_load: 4,
      total_capacity: 8,
      overall_utilization_percent: 50,
      prefix_blocks: 3,
      max_prefix_blocks: 1_000_000,
      tokens_per_byte: {},
    },
  });
});

Deno.test("prefix hit rates are reported for ten minutes after a comparison", () => {
  const clock = { now: NOW };
  const fleet = new Fleet({ config: configOf([{ url: A, models: ["m"] }]), now: () => clock.now });
  const [server] = serversOf(fleet);
  fleet.recordCheck(server!, { ok: true, responseMs: 250 });
  const counted = (prefixQueries: number, prefixHits: number) => {
    const counters = { generation: 0, prompt: 0, prefixQueries, prefixHits };
    const idle = { running: 0, waiting: 0, kvCacheUsage: 0, maxFds: 1, ownInFlight: 0 };
    fleet.recordScrape(server!, { ...idle, counters }, false);
  };
  const told = () => {
    const [stats] = loadStatsDocument(fleet.snapshot()).servers;
    return [stats?.predicted_prefix_hit_rate, stats?.prefix_hit_rate, stats?.prefix_blocks];
  };
  counted(0, 0);
  for (const _ of ["for the first time", "again"]) {
    const work = profileOf({ model: "m", promptBytes: 2_048, blocks: [1, 2, 3, 4] });
    const lease = fleet.acquire(work, new Map());
    assert.ok(typeof lease === "object");
    lease.started();
    lease.end("ok");
  }
  assert.deepEqual(told(), [null, null, 4]);
  counted(100_000, 40_000);
  assert.deepEqual(told(), [0.5, 0.4, 4]);
  clock.now += 600_000;
  assert.deepEqual(told(), [0.5, 0.4, 4]);
  clock.now += 1;
  assert.deepEqual(told(), [null, null, 4], "too old to be reported as current");
});

/** Completes a request whose prompt of 10,000 bytes had the given number of tokens. */
function serve(fleet: Fleet, model: string | undefined, promptTokens: number) {
  const work = profileOf({ model, promptBytes: 10_000, blocks: [1, 2, 3] });
  const lease = fleet.acquire(work, new Map());
  assert.ok(typeof lease === "object", `${lease}`);
  lease.started();
  lease.end("ok", { promptTokens });
}

Deno.test("prefix blocks are summed over all servers, and their maximum is reported", () => {
  const fleet = fleetWith(2, 2);
  fleet.acquire(profileOf({ model: "m", promptBytes: 2_048, blocks: [1, 2, 3, 4] }), new Map());
  fleet.acquire(profileOf({ model: "m", promptBytes: 1_024, blocks: [5, 6] }), new Map());
  const { servers, summary } = loadStatsDocument(fleet.snapshot());
  assert.deepEqual(servers.map(({ prefix_blocks }) => prefix_blocks).sort(), [2, 4]);
  assert.deepEqual([summary.prefix_blocks, summary.max_prefix_blocks], [6, 1_000_000]);
});

Deno.test("tokens per byte are reported for listed models, once measured", () => {
  const fleet = fleetWith(1, 1);
  const [server] = serversOf(fleet);
  const told = () => loadStatsDocument(fleet.snapshot()).summary.tokens_per_byte;
  const list = (...ids: string[]) => fleet.recordModels(server!, ids.map((id) => ({ id })));
  list("m", "unasked", "__proto__");
  assert.deepEqual(told(), {});
  for (let i = 0; i < 2_000; i++) serve(fleet, "m", 5_000);
  serve(fleet, "__proto__", 2_500);
  serve(fleet, undefined, 5_000);
  const refused = fleet.acquire(profileOf({ model: "made up", promptBytes: 10_000 }), new Map());
  assert.equal(refused, "unknown_model");
  assert.deepEqual(Object.entries(told()), [["m", 0.5], ["__proto__", 0.25]]);
  list("unasked", "__proto__");
  assert.deepEqual(Object.keys(told()), ["__proto__"]);
  list("m");
  assert.deepEqual(told(), { m: 0.5 });
});

Deno.test("tokens per byte are kept for a thousand models, however many are listed over time", () => {
  const fleet = fleetWith(1, 1);
  const [server] = serversOf(fleet);
  const names = Array.from({ length: 1_500 }, (_, i) => `adapter-${i}`);
  for (const id of names) {
    fleet.recordModels(server!, [{ id }]);
    serve(fleet, id, 5_000);
  }
  fleet.recordModels(server!, names.map((id) => ({ id })));
  const { tokens_per_byte } = loadStatsDocument(fleet.snapshot()).summary;
  const kept = Object.keys(tokens_per_byte);
  assert.ok(kept.length > 950 && kept.length <= 1_000, `${kept.length}`);
  assert.deepEqual(kept, names.slice(-kept.length));
});

Deno.test("the current trust in predicted prefix hits is reported", () => {
  const fleet = fleetWith(1, 1);
  const [server] = serversOf(fleet);
  const told = () => loadStatsDocument(fleet.snapshot()).servers[0]!.prefix_trust;
  for (let i = 0; i < 30; i++) {
    const counters = {
      generation: 0,
      prompt: 60_000 * i,
      prefixQueries: 60_000 * i,
      prefixHits: 0,
    };
    const idle = { running: 0, waiting: 0, kvCacheUsage: 0, maxFds: 1, ownInFlight: 0 };
    fleet.recordScrape(server!, { ...idle, counters }, false);
    if (i === 0) assert.equal(told(), 0.97);
    for (let j = 0; j < 24; j++) serve(fleet, "m", 2_500);
  }
  assert.ok(told() >= 0 && told() < 0.05, `${told()}`);
});

Deno.test("an overloaded server shows an available capacity of 0 and 100% utilisation", () => {
  const fleet = fleetWith(1, 1);
  for (let i = 0; i < 9; i++) fleet.acquire(profileOf({ model: "m" }), new Map());
  const { servers, summary } = loadStatsDocument(fleet.snapshot());
  assert.equal(servers[0]?.current_load, 9);
  assert.equal(servers[0]?.available_capacity, 0);
  assert.equal(servers[0]?.utilization_percent, 100);
  assert.equal(summary.overall_utilization_percent, 100);
});

Deno.test("the models are the union over healthy servers, each once, as its server describes it", () => {
  const fleet = fleetWith(3, 2);
  const [a, b, c] = serversOf(fleet);
  fleet.recordModels(a!, [
    { id: "both", max_model_len: 4_096, root: "a" },
    { id: "one", owned_by: "vllm" },
  ]);
  fleet.recordModels(b!, [{ id: "both", root: "b" }, { id: "two" }]);
  fleet.recordModels(c!, [{ id: "out" }]);
  assert.deepEqual(modelsDocument(fleet.snapshot(), { aliases: [] }), {
    object: "list",
    data: [
      { id: "both", max_model_len: 4_096, root: "a" },
      { id: "one", owned_by: "vllm" },
      { id: "two" },
    ],
  });
});

Deno.test("a fixed model has the fields that OpenAI clients need", () => {
  const fleet = new Fleet({
    config: configOf([{ url: A, models: ["fixed"] }]),
    now: () => NOW,
  });
  fleet.recordCheck(serversOf(fleet)[0]!, { ok: true, responseMs: 1 });
  const [model] = modelsDocument(fleet.snapshot(), { aliases: [] }).data;
  assert.equal(model?.id, "fixed");
  assert.equal(model?.object, "model");
  assert.equal(typeof model?.created, "number");
  assert.equal(typeof model?.owned_by, "string");
});

Deno.test("models are grouped by server address", () => {
  assert.deepEqual(serverModelsDocument(fleetWith(2, 1).snapshot()), {
    servers: {
      [A]: {
        supported_models: ["m"],
        models_last_updated: NOW_ISO,
        healthy: true,
      },
      [B]: {
        supported_models: ["m"],
        models_last_updated: NOW_ISO,
        healthy: false,
      },
    },
    total_servers: 2,
    healthy_servers: 1,
  });
});
