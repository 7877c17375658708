import assert from "node:assert/strict";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { withFolder } from "../monitor/process.ts";
import { MODEL } from "../support/fleet.ts";
import { startRouter } from "../support/router.ts";
import { until } from "../support/until.ts";
import { hasPrometheus, startPrometheus } from "./prometheus_server.ts";

const dashboard = JSON.parse(
  await Deno.readTextFile(new URL("../../deploy/grafana/vllm-router.json", import.meta.url)),
);
const KEY = "a-key-of-the-lab";

/** What the router under test doesn't see: panels, or single queries by what they select. */
const NOT_SEEN = [
  "vllm_router_streams_continued_total",
  "vllm_router_streams_broken_total",
  "vllm_router_retries_held_back_total",
  "vllm_router_connection_failures_total",
  "vllm_router_config_reloads_total",
  "prefix_hit_rate",
  "vllm_router_discovery_",
  "vllm_router_peer_up",
];

Deno.test({
  name: "Prometheus evaluates every query of the dashboard, and the router's metrics answer it",
  ignore: !hasPrometheus(),
  fn: () =>
    withFolder(async (folder) => {
      await using sick = await startSimulator({ speed: 20, fault: { kind: "reset_before_head" } });
      await using well = await startSimulator({ speed: 20 });
      await using router = await startRouter(
        [{ url: sick.url, name: "sick" }, { url: well.url, name: "well" }],
        { policy: "round_robin", failure_threshold: 1_000 },
        {},
        {
          auth: {
            api_keys: [{ name: "lab", key: KEY, max_in_flight: 2, tokens_per_day: 1_000_000 }],
          },
        },
      );
      const ask = (path: string, body: unknown, key = KEY, signal?: AbortSignal) =>
        fetch(`${router.url}${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
          body: JSON.stringify(body),
          ...(signal && { signal }),
        });
      const chat = { model: MODEL, messages: [{ role: "user", content: "Hello" }], max_tokens: 5 };
      /** Makes every kind of request once. */
      async function traffic(): Promise<void> {
        const stream = { ...chat, stream: true, stream_options: { include_usage: true } };
        await (await ask("/v1/chat/completions", stream)).text();
        for (let i = 0; i < 2; i++) await (await ask("/v1/chat/completions", chat)).text();
        await (await ask("/v1/chat/completions", chat, "wrong-key")).body?.cancel();
        const long = { ...stream, max_tokens: 1_000 };
        const gone = new AbortController();
        const open = await Promise.all(
          [1, 2].map(() => ask("/v1/chat/completions", long, KEY, gone.signal)),
        );
        await (await ask("/v1/chat/completions", chat)).body?.cancel();
        gone.abort();
        for (const { body } of open) await body?.cancel().catch(() => {});
        await until("they have gone", () =>
          router.fleet.snapshot().servers.every(({ inFlight }) => inFlight === 0));
      }

      const host = new URL(router.url).host;
      await using prometheus = await startPrometheus(folder, { host, key: KEY });
      const queries = dashboard.panels.flatMap(({ targets = [] }) =>
        targets
      );
      const missing = new Set<string>(queries.map(({ expr }: { expr: string }) => expr));
      assert.ok(missing.size > 60);
      await until("every query is answered", async () => {
        await traffic();
        for (const expr of missing) {
          const result = await prometheus.query(
            expr.replaceAll("$__rate_interval", "1m").replaceAll(
              /\$(instance|model|server)/g,
              ".*",
            ),
          );
          if (result.length > 0 || NOT_SEEN.some((name) => expr.includes(name))) {
            missing.delete(expr);
          }
        }
        return missing.size === 0;
      }, 120_000).catch(() => assert.deepEqual([...missing], [], "unanswered"));
      for (const { expr } of dashboard.annotations.list) {
        await prometheus.query(expr.replaceAll(/\$(instance|model|server)/g, ".*"));
      }
    }),
});
