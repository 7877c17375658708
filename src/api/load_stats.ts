import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { MOST_PREFIX_BLOCKS } from "../fleet/estimate/prompt_profile.ts";
import { hasCapacity } from "../fleet/state/server.ts";
import { countServers } from "./count.ts";
import { isoTime } from "./time.ts";

/** What the original router reports for a server that doesn't state its limit. */
const DEFAULT_MAX_FDS = 65_535;

/**
 * `GET /load-stats`, in the original router's format plus the router's own estimates.
 * `current_load` counts the requests at the server now: the router's own, and those of others as of
 * the last scrape. `detailed_metrics` is that scrape, unchanged; what is unknown is null.
 */
export function loadStatsDocument({ servers, tokensPerByte }: FleetSnapshot) {
  const totalLoad = servers.reduce(
    (sum, { running, waiting }) => sum + running + waiting,
    0,
  );
  const totalCapacity = servers.filter(({ state }) => hasCapacity(state)).reduce(
    (sum, { capacity }) => sum + capacity,
    0,
  );
  const { total, healthy } = countServers(servers);
  return {
    servers: servers.map((server) => {
      const current = server.running + server.waiting;
      return {
        url: server.url,
        name: server.name,
        ...(server.engine !== undefined && server.engine !== "vllm" && { engine: server.engine }),
        current_load: current,
        max_capacity: server.capacity,
        available_capacity: Math.max(0, server.capacity - current),
        utilization_percent: percent(current, server.capacity),
        status: server.state === "healthy",
        health_status: server.state,
        last_updated: isoTime(server.scrapedAt),
        in_flight: server.inFlight,
        running: server.running,
        waiting: server.waiting,
        load: server.load,
        pending_prefill_tokens: Math.round(server.work.pendingTokens),
        prefill_tokens_per_second: Math.round(1 / server.work.secondsPerToken),
        prefill_doubles_at_tokens: server.work.growth === 0
          ? null
          : Math.round(1 / server.work.growth),
        first_token_overhead_seconds: toMillionths(server.work.startSeconds),
        seconds_per_answer_token: toMillionths(server.work.secondsPerAnswerToken),
        prefix_blocks: server.work.prefixBlocks,
        predicted_prefix_hit_rate: server.work.predictedHitRate ?? null,
        prefix_hit_rate: server.work.realHitRate ?? null,
        prefix_trust: toMillionths(server.work.prefixTrust),
        detailed_metrics: {
          num_requests_running: server.scrape?.running ?? null,
          num_requests_waiting: server.scrape?.waiting ?? null,
          gpu_cache_usage_perc: server.scrape?.kvCacheUsage ?? null,
          process_max_fds: server.scrape?.maxFds ?? DEFAULT_MAX_FDS,
        },
      };
    }),
    summary: {
      total_servers: total,
      healthy_servers: healthy,
      total_active_load: totalLoad,
      total_capacity: totalCapacity,
      overall_utilization_percent: percent(totalLoad, totalCapacity),
      prefix_blocks: servers.reduce((sum, { work }) => sum + work.prefixBlocks, 0),
      max_prefix_blocks: MOST_PREFIX_BLOCKS,
      tokens_per_byte: Object.fromEntries(
        [...tokensPerByte].map(([model, tokens]) => [model, toMillionths(tokens)]),
      ),
    },
  };
}

/** Rounds away the meaningless last digits of a sum. */
function toMillionths(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** At most 100, as in the original router. */
function percent(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.min(100, part / whole * 100);
}
