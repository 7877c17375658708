import { Gauge, type Registry } from "prom-client";
import { isRoutable } from "../fleet/state/server.ts";
import type { ServerSnapshot } from "../fleet/snapshot.ts";

/** Makes a gauge of what `read` tells of each server; what is unknown has no value. */
type ServerGauge = (
  name: string,
  help: string,
  read: (server: ServerSnapshot) => number | undefined,
) => void;

/** Gauges that a scrape reads off the fleet, so that a server that left is gone at once. */
export function registerServerGauges(
  registers: Registry[],
  servers: () => readonly ServerSnapshot[],
): void {
  const gauge: ServerGauge = (name, help, read) =>
    new Gauge({
      name: `vllm_router_${name}`,
      help,
      labelNames: ["server"],
      registers,
      collect() {
        this.reset();
        for (const server of servers()) {
          const value = read(server);
          if (value !== undefined) this.set({ server: server.name }, value);
        }
      },
    });
  new Gauge({
    name: "vllm_router_server_info",
    help: "The address of a server, by its name.",
    labelNames: ["server", "url"],
    registers,
    collect() {
      this.reset();
      for (const { name: server, url } of servers()) this.set({ server, url }, 1);
    },
  });
  gauge("in_flight", "The router's own requests in flight.", (server) => server.inFlight);
  gauge("server_up", "1 for a server that requests go to, else 0.", (server) => {
    // One that was removed isn't down, and nobody should be woken up for it.
    return server.state === "draining" ? undefined : Number(isRoutable(server.state));
  });
  gauge("server_load", "(running + 0.5 × waiting) / capacity.", (server) => server.load);
  gauge("server_running", "Requests running at a server.", (server) => server.running);
  gauge("server_waiting", "Requests waiting at a server.", (server) => server.waiting);
  gauge(
    "server_kv_cache_usage",
    "Share of a server's KV cache in use, 0 to 1.",
    (server) => server.scrape?.kvCacheUsage,
  );
  registerWorkGauges(gauge);
}

/** Of the work at a server and of what the router has learned of it. */
function registerWorkGauges(gauge: ServerGauge): void {
  gauge(
    "server_pending_prefill_tokens",
    "Prompt tokens a server has yet to compute for this router's own requests, estimated.",
    (server) => Math.round(server.work.pendingTokens),
  );
  gauge(
    "server_prefill_tokens_per_second",
    "Prompt tokens a server computes in a second, learned.",
    (server) => 1 / server.work.secondsPerToken,
  );
  gauge(
    "server_prefix_blocks",
    "Blocks of prompts a server is believed to have in its prefix cache.",
    (server) => server.work.prefixBlocks,
  );
  gauge(
    "server_predicted_prefix_hit_rate",
    "Share of prompt tokens expected in a server's prefix cache, 0 to 1, at the last comparison.",
    (server) => server.work.predictedHitRate,
  );
  gauge(
    "server_prefix_hit_rate",
    "The same share as the server's own counters told at the last comparison, 0 to 1: one is made " +
      "of at least 50,000 tokens looked up and kept for ten minutes. Screens show the last minute.",
    (server) => server.work.realHitRate,
  );
}
