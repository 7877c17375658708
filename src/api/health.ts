import type { FleetSnapshot } from "../fleet/snapshot.ts";
import type { View } from "../monitor/view.ts";
import { countServers } from "./count.ts";
import { isoTime } from "./time.ts";

/** `GET /health` for callers who may not see the servers: the overall status only. */
export function healthSummary({ servers }: FleetSnapshot): { readonly status: string } {
  const { total, healthy } = countServers(servers);
  return { status: total === 0 ? "no_servers" : statusOf(healthy / total) };
}

/** `GET /health`, in the original router's format. Response times are in seconds. */
export function healthDocument(
  { servers, settings }: FleetSnapshot,
  { sources, peers }: Pick<View, "sources" | "peers"> = { sources: [], peers: [] },
) {
  const { total, healthy } = countServers(servers);
  const score = total === 0 ? 0 : healthy / total;
  return {
    status: total === 0 ? "no_servers" : statusOf(score),
    health_score: score,
    total_servers: total,
    healthy_servers: healthy,
    unhealthy_servers: total - healthy,
    servers: servers.map((server) => ({
      url: server.url,
      name: server.name,
      healthy: server.state === "healthy",
      health_status: server.state,
      reason: server.reason,
      last_check: isoTime(server.lastCheckAt),
      consecutive_failures: server.consecutiveFailures,
      success_rate: server.successRate,
      avg_response_time: server.meanResponseMs / 1000,
      last_response_time: server.lastResponseMs === undefined ? null : server.lastResponseMs / 1000,
      total_checks: server.totalChecks,
      supported_models: [...server.models.keys()],
      models_last_updated: isoTime(server.modelsUpdatedAt),
    })),
    sources: sources.map(({ failedSince, ...source }) => ({
      ...source,
      failed_since: isoTime(failedSince ?? undefined),
    })),
    peers: peers.map(({ since, ...peer }) => ({ ...peer, since: isoTime(since) })),
    config: {
      health_check_enabled: settings.activeHealthCheck,
      health_check_interval: settings.healthCheckIntervalMs / 1000,
      min_success_rate: settings.healthCheckMinSuccessRate,
      max_response_time: settings.healthCheckMaxResponseMs / 1000,
    },
  };
}

function statusOf(score: number): string {
  if (score >= 0.8) return "healthy";
  return score >= 0.5 ? "degraded" : "unhealthy";
}
