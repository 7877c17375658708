import type { ServerConfig } from "../config/config.ts";
import { type Health, UNCHECKED } from "./health.ts";
import type { Scrape } from "./load.ts";

/** A model as its server's `/v1/models` described it. */
export interface Model {
  readonly id: string;
  readonly [field: string]: unknown;
}

/** All that is known of one server. Only the fleet changes it. */
export interface Server {
  /** Grows with every server the fleet meets and never changes. */
  readonly id: number;
  config: ServerConfig;
  health: Health;
  /** Its engine sleeps: it looks idle and may fail if used. */
  asleep: boolean;
  /** Removed from the configuration, finishing what it has. */
  draining: boolean;
  /** The router's own requests there, exactly. */
  inFlight: number;
  models: ReadonlyMap<string, Model>;
  modelsUpdatedAt: number | undefined;
  lastCheckAt: number | undefined;
  lastFailureAt: number | undefined;
  scrape: Scrape | undefined;
}

export type ServerState =
  | "checking"
  | "healthy"
  | "unhealthy"
  | "draining"
  | "sleeping";

export function newServer(id: number, config: ServerConfig): Server {
  return {
    id,
    config,
    health: UNCHECKED,
    asleep: false,
    draining: false,
    inFlight: 0,
    models: fixedModels(config),
    modelsUpdatedAt: undefined,
    lastCheckAt: undefined,
    lastFailureAt: undefined,
    scrape: undefined,
  };
}

/** The models a configuration fixes, described as far as the router can; empty if it fixes none. */
export function fixedModels(config: ServerConfig): ReadonlyMap<string, Model> {
  return new Map(
    config.models?.map((
      id,
    ) => [id, { id, object: "model", created: 0, owned_by: "vllm" }]),
  );
}

export function stateOf(server: Server): ServerState {
  if (server.draining) return "draining";
  return server.health.status === "healthy" && server.asleep
    ? "sleeping"
    : server.health.status;
}
