import type { ServerConfig } from "../../config/config.ts";
import { type Health, UNCHECKED } from "../health/active_check.ts";
import type { EndDetails } from "../attempt_end.ts";
import type { Scrape } from "../estimate/load.ts";
import type { ClientError } from "../health/outlier_detection.ts";
import { noAnswers, type RecentAnswers } from "../health/recent_answers.ts";
import { NO_PROGRESS, type Progress } from "../health/engine_stall.ts";

/** A model as its server's `/v1/models` described it. */
export interface Model {
  /** Its name, which requests ask for. */
  readonly id: string;
  /** Whatever else the server says of it. */
  readonly [field: string]: unknown;
}

/** All that is known of one server. Only the fleet changes it. Times are monotonic, in milliseconds. */
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
  /** It shuts down: it finishes what it has and turns new requests away. */
  shuttingDown: boolean;
  /** Until when it asked to be left alone. */
  backpressureUntil: number;
  /** Times it asked to be left alone since it last answered well. */
  backpressureCount: number;
  /** While it is half-open: since when a request tries it. */
  trialSince: number | undefined;
  /** Its engine stands still with work to do. */
  stalled: boolean;
  /** What its page shows of its engine's work. */
  progress: Progress;
  /** How its latest requests were answered. */
  readonly recent: RecentAnswers;
  /** When it last answered a request well; `-Infinity` if it never did. */
  answeredAt: number;
  /** Answers that broke off as those of full servers do, until its page tells whether it is full. */
  cuts: Cut[];
  /** The client error that another server gave as well, and until when it counts as the clients'. */
  cleared: { readonly error: ClientError; readonly until: number } | undefined;
  /** Models that it lists and said it doesn't have, and until when that is believed. */
  readonly denied: Map<string, number>;
  /** When requests could last begin to go to it. */
  routableSince: number;
  /** Called when requests without a first token should leave it. */
  readonly evictions: Set<() => void>;
  /** Why it entered the state it is in. */
  reason: string;
  /** The router's own requests there, exactly. */
  inFlight: number;
  /** Those of them that have no first token yet. */
  awaited: number;
  /** What it lists, by name. */
  models: ReadonlyMap<string, Model>;
  /** When it last told its models. */
  modelsUpdatedAt: number | undefined;
  /** Why it doesn't tell its models, where it last didn't. */
  modelsFailure: ModelsFailure | undefined;
  /** Why its `/metrics` can't be used, where that was told. */
  metricsFailure: string | undefined;
  /** When it was last checked. */
  lastCheckAt: number | undefined;
  /** When a check or request last failed. */
  lastFailureAt: number | undefined;
  /** When its `/metrics` were last read. */
  scrapedAt: number | undefined;
  /** What its `/metrics` last said of its requests. */
  scrape: Scrape | undefined;
}

/** An answer that broke off after what its server says before its engine begins. */
export interface Cut {
  /** It was to prove a half-open server. */
  readonly isTrial: boolean;
  /** What else is known of its end. */
  readonly details: EndDetails;
}

/** Why a server doesn't tell its models. */
export interface ModelsFailure {
  /** In words for people. */
  readonly why: string;
  /** It asks for another key. */
  readonly isUnauthorized: boolean;
}

/** What people are shown; requests go to `healthy` servers, and one at a time to `half-open` ones. */
export type ServerState =
  | "checking"
  | "healthy"
  | "half-open"
  | "no_models"
  | "unauthorized"
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
    shuttingDown: false,
    backpressureUntil: -Infinity,
    backpressureCount: 0,
    trialSince: undefined,
    stalled: false,
    progress: NO_PROGRESS,
    recent: noAnswers(),
    answeredAt: -Infinity,
    cuts: [],
    cleared: undefined,
    denied: new Map(),
    routableSince: -Infinity,
    evictions: new Set(),
    reason: "",
    inFlight: 0,
    awaited: 0,
    models: fixedModels(config),
    modelsUpdatedAt: undefined,
    modelsFailure: undefined,
    metricsFailure: undefined,
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
export function stateOf(server: Readonly<Server>): ServerState {
  const { health, models } = server;
  if (server.draining) return "draining";
  if (health.status === "checking" || health.status === "unhealthy") return health.status;
  if (server.shuttingDown) return "draining";
  if (server.asleep) return "sleeping";
  if (server.stalled) return "stalled";
  if (models.size > 0) return health.status;
  return server.modelsFailure?.isUnauthorized ? "unauthorized" : "no_models";
}

/** Why it is in that state, in words for people. */
export function reasonOf(server: Readonly<Server>): string {
  const state = stateOf(server);
  if (state === server.health.status) return server.health.reason;
  if (state !== "unauthorized" && state !== "no_models") return server.reason;
  return server.modelsFailure?.why ?? "/v1/models lists none";
}

/** Whether requests go to a server in that state. */
export function isRoutable(state: ServerState): boolean {
  return state === "healthy" || state === "half-open";
}

/** Whether a server in that state adds to what the fleet can do. */
export function hasCapacity(state: ServerState): boolean {
  return state !== "draining" && state !== "no_models" && state !== "unauthorized";
}

/** Whether somebody should look after a server in that state. */
export function isDown(state: ServerState): boolean {
  return state === "unhealthy" || state === "stalled" || state === "unauthorized" ||
    state === "no_models";
}

/** What tells a server apart: its address to the router, its name to people. */
export type ServerIdentity = Pick<ServerConfig, "url" | "name">;

/** A server entered or left a state. */
export interface StateChange {
  /** Which server. */
  readonly server: ServerIdentity;
  /** The state it left. */
  readonly from: ServerState;
  /** The state it entered. */
  readonly to: ServerState;
  /** Why, in words for people. */
  readonly reason: string;
}
