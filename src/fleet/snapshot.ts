import type { Settings } from "../config/config.ts";
import { meanResponseMs, successRate } from "./health.ts";
import type { Load } from "./load.ts";
import {
  type Model,
  type Server,
  type ServerState,
  stateOf,
} from "./server.ts";

/** One server at one moment, for whatever shows it. Times are clock times in milliseconds. */
export interface ServerSnapshot extends Load {
  readonly url: string;
  readonly name: string;
  readonly state: ServerState;
  readonly reason: string;
  readonly capacity: number;
  /** The router's own requests there. */
  readonly inFlight: number;
  readonly models: ReadonlyMap<string, Model>;
  readonly modelsUpdatedAt: number | undefined;
  readonly lastCheckAt: number | undefined;
  readonly consecutiveFailures: number;
  readonly successRate: number;
  readonly meanResponseMs: number;
  readonly lastResponseMs: number | undefined;
  readonly totalChecks: number;
  /** As the server's own page last said, where it did. */
  readonly scrape: Server["scrape"];
}

export interface FleetSnapshot {
  readonly servers: readonly ServerSnapshot[];
  readonly settings: Settings;
}

export function snapshotOf(
  servers: readonly Readonly<Server>[],
  loadOf: (server: Readonly<Server>) => Load,
  settings: Settings,
): FleetSnapshot {
  return {
    settings,
    servers: servers.map((server) => ({
      ...loadOf(server),
      url: server.config.url,
      name: server.config.name,
      state: stateOf(server),
      reason: server.health.reason,
      capacity: server.config.capacity,
      inFlight: server.inFlight,
      models: server.models,
      modelsUpdatedAt: server.modelsUpdatedAt,
      lastCheckAt: server.lastCheckAt,
      consecutiveFailures: Math.max(
        server.health.consecutiveCheckFailures,
        server.health.consecutiveRequestFailures,
      ),
      successRate: successRate(server.health),
      meanResponseMs: meanResponseMs(server.health),
      lastResponseMs: server.health.window.at(-1)?.responseMs,
      totalChecks: server.health.totalChecks,
      scrape: server.scrape,
    })),
  };
}
