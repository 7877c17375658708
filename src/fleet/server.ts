import type { ServerConfig } from "../config/config.ts";
import { type Health, UNCHECKED } from "./health.ts";
import type { Scrape } from "./load.ts";

/** A model as its server's `/v1/models` described it. */
export interface Model {
  /** Its name, which requests ask for. */
  readonly id: string;
  /** Whatever else the server says of it. */
  readonly [field: string]: unknown;
}

/** All that is known of one server. Only the fleet changes it. */
export interface Server {
  /** Grows with every server the fleet meets and never changes. */
  readonly id: number;
  /** As the operator described it. */
  config: ServerConfig;
  /** What is believed of its health. */
  health: Health;
  /** Its engine sleeps: it looks idle and may fail if used. */
  asleep: boolean;
  /** Removed from the configuration, finishing what it has. */
  draining: boolean;
  /** Clock time in milliseconds until which it asked to be left alone. */
  restsUntil: number;
  /** The router's own requests there, exactly. */
  inFlight: number;
  /** What it lists, by name. */
  models: ReadonlyMap<string, Model>;
  /** Clock time in milliseconds at which it last told its models. */
  modelsUpdatedAt: number | undefined;
  /** Clock time in milliseconds of the last check. */
  lastCheckAt: number | undefined;
  /** Clock time in milliseconds of the last failed check or request. */
  lastFailureAt: number | undefined;
  /** Clock time in milliseconds at which its `/metrics` were last read. */
  scrapedAt: number | undefined;
  /** What its `/metrics` last said of its requests. */
  scrape: Scrape | undefined;
}

/** What people are shown; requests go to `healthy` servers. */
export type ServerState =
  | "checking"
  | "healthy"
  | "unhealthy"
  | "draining"
  | "sleeping";

/** A server nothing is known of yet. */
export function newServer(id: number, config: ServerConfig): Server {
  return {
    id,
    config,
    health: UNCHECKED,
    asleep: false,
    draining: false,
    restsUntil: 0,
    inFlight: 0,
    models: fixedModels(config),
    modelsUpdatedAt: undefined,
    lastCheckAt: undefined,
    lastFailureAt: undefined,
    scrapedAt: undefined,
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

/** The one state that describes a server best. */
export function stateOf(server: Server): ServerState {
  if (server.draining) return "draining";
  return server.health.status === "healthy" && server.asleep ? "sleeping" : server.health.status;
}

/** A server entered or left a state. */
export interface StateChange {
  /** Its URL. */
  readonly server: string;
  /** The state it left. */
  readonly from: ServerState;
  /** The state it entered. */
  readonly to: ServerState;
  /** Why, in words for people. */
  readonly reason: string;
}
