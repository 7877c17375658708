import type { ServerConfig } from "../config/config.ts";
import { type Health, UNCHECKED } from "./health.ts";
import type { Scrape } from "./load.ts";
import { NO_PROGRESS, type Progress } from "./stall.ts";

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
  /** Times it asked to be left alone since it last answered well. */
  rests: number;
  /** A request that decides about it is under way, while it is half-open. */
  trial: boolean;
  /** Its engine stands still with work to do. */
  stalled: boolean;
  /** When its engine was last seen to move. */
  progress: Progress;
  /** Aborts when its engine is found to stand still; renewed when it moves again. */
  stall: AbortController;
  /** Why it entered the state it is in. */
  reason: string;
  /** The router's own requests there, exactly. */
  inFlight: number;
  /** What it lists, by name. */
  models: ReadonlyMap<string, Model>;
  /** Clock time in milliseconds at which it last told its models. */
  modelsUpdatedAt: number | undefined;
  /** Why it last didn't tell them, before it ever did. */
  modelsFailure: string | undefined;
  /** Clock time in milliseconds of the last check. */
  lastCheckAt: number | undefined;
  /** Clock time in milliseconds of the last failed check or request. */
  lastFailureAt: number | undefined;
  /** Clock time in milliseconds at which its `/metrics` were last read. */
  scrapedAt: number | undefined;
  /** What its `/metrics` last said of its requests. */
  scrape: Scrape | undefined;
}

/** What people are shown; requests go to `healthy` servers, and one at a time to `half-open` ones. */
export type ServerState =
  | "checking"
  | "healthy"
  | "half-open"
  | "stalled"
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
    rests: 0,
    trial: false,
    stalled: false,
    progress: NO_PROGRESS,
    stall: new AbortController(),
    reason: "",
    inFlight: 0,
    models: fixedModels(config),
    modelsUpdatedAt: undefined,
    modelsFailure: undefined,
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
export function stateOf({ draining, health, asleep, stalled }: Readonly<Server>): ServerState {
  if (draining) return "draining";
  if (health.status === "checking" || health.status === "unhealthy") return health.status;
  if (asleep) return "sleeping";
  return stalled ? "stalled" : health.status;
}

/** Why it is in that state, in words for people. */
export function reasonOf(server: Readonly<Server>): string {
  const { health, models, modelsFailure } = server;
  const state = stateOf(server);
  if (state === "healthy" && models.size === 0 && modelsFailure !== undefined) {
    return `it doesn't tell its models: ${modelsFailure}`;
  }
  return state === health.status ? health.reason : server.reason;
}

/** Whether requests go to a server in that state. */
export function isRoutable(state: ServerState): boolean {
  return state === "healthy" || state === "half-open";
}

/** Whether somebody should look after a server in that state. */
export function isDown(state: ServerState): boolean {
  return state === "unhealthy" || state === "stalled";
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
