import { Gauge, type Registry } from "prom-client";
import { isRoutable, type ServerState } from "../fleet/state/server.ts";
import type { ServerSnapshot } from "../fleet/snapshot.ts";

/** Every state of a server. */
export const STATES = Object.keys(
  {
    checking: true,
    healthy: true,
    "half-open": true,
    no_models: true,
    unauthorized: true,
    stalled: true,
    unhealthy: true,
    draining: true,
    sleeping: true,
  } satisfies Record<ServerState, true>,
) as ServerState[];

/** Registers a gauge with the value `read` returns for each server; `undefined` means no sample. */
type ServerGauge = (
  name: string,
  help: string,
  read: (server: ServerSnapshot) => number | undefined,
) => void;

/** Registers gauges that each scrape reads from the fleet, so a removed server vanishes at once. */
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
  new Gauge({
    name: "vllm_router_server_state",
    help: "1 for the state that a server is in, 0 for all others.",
    labelNames: ["server", "state"],
    registers,
    collect() {
      this.reset();
      for (const { name: server, state: current } of servers()) {
        for (const state of STATES) this.set({ server, state }, Number(state === current));
      }
    },
  });
  gauge(
    "server_state_since_timestamp_seconds",
    "When a server entered its state, in seconds since 1970. Trials of an unhealthy one don't count.",
    (server) => Math.round(server.stateSince / 1000),
  );
  new Gauge({
    name: "vllm_router_model_servers",
    help: "Servers that take requests for a model.",
    labelNames: ["model"],
    registers,
    collect() {
      this.reset();
      for (const { models, state } of servers()) {
        if (state === "draining") continue;
        for (const model of models.keys()) this.inc({ model }, Number(isRoutable(state)));
      }
    },
  });
  gauge("in_flight", "The router's own requests in flight.", (server) => server.inFlight);
  gauge("server_up", "1 if requests are routed to a server, else 0.", (server) => {
    // A removed server isn't down and must not trigger an alert.
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

/** Registers gauges of a server's estimated work and of what the router has learned about it. */
function registerWorkGauges(gauge: ServerGauge): void {
  gauge(
    "server_pending_prefill_tokens",
    "Prompt tokens a server has yet to compute for this router's own requests, estimated.",
    (server) => Math.round(server.work.pendingTokens),
  );
  gauge(
    "server_prefill_tokens_per_second",
    "Prompt tokens a server computes per second, learned.",
    (server) => 1 / server.work.secondsPerToken,
  );
  gauge(
    "server_prefix_blocks",
    "Prompt blocks believed to be in a server's prefix cache.",
    (server) => server.work.prefixBlocks,
  );
  gauge(
    "server_predicted_prefix_hit_rate",
    "Share of prompt tokens expected in a server's prefix cache, 0 to 1, at the last comparison.",
    (server) => server.work.predictedHitRate,
  );
  gauge(
    "server_prefix_hit_rate",
    "The same share by the server's own counters, 0 to 1, at the last comparison, which takes at " +
      "least 50,000 looked-up tokens and is kept for ten minutes. Screens show the last minute.",
    (server) => server.work.realHitRate,
  );
}
