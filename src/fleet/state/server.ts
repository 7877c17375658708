import { Callbacks, type CallbackSet } from "../../util/callbacks.ts";
import type { ServerConfig } from "../../config/config.ts";
import type { EngineName } from "../../config/engine_name.ts";
import { type Health, UNCHECKED } from "../health/active_check.ts";
import type { EndDetails } from "../attempt_end.ts";
import type { Scrape } from "../estimate/load.ts";
import type { ClientError } from "../health/outlier_detection.ts";
import { noAnswers, type RecentAnswers } from "../health/recent_answers.ts";
import { NO_PROGRESS, type Progress } from "../health/engine_stall.ts";
import { fixedModels, type Model, type ModelsFailure } from "./models.ts";

/** State of one server. Only the fleet changes it. Times are monotonic, in milliseconds. */
export interface Server {
  /** Increases with every server added to the fleet and never changes. */
  readonly id: number;
  /** Its configuration. */
  config: ServerConfig;
  /** The engine that it was recognised as, by what it answers since it was last unhealthy. */
  recognised: EngineName | undefined;
  /** Its health. */
  health: Health;
  /** Its engine sleeps: it looks idle and may fail requests. */
  asleep: boolean;
  /** Removed from the configuration, or from its source, and finishing its requests. */
  draining: boolean;
  /** When it was removed, if it was. */
  removedAt: number | undefined;
  /** It is shutting down: it finishes its requests and rejects new ones. */
  shuttingDown: boolean;
  /** When its back-pressure ends. */
  backpressureUntil: number;
  /** Pauses without a `Retry-After` since its last good answer. */
  backpressureCount: number;
  /** While it is half-open: when its trial request was sent, if any. */
  trialSince: number | undefined;
  /** Its engine has work but makes no progress. */
  stalled: boolean;
  /** Progress of its engine as its `/metrics` shows it. */
  progress: Progress;
  /** Its latest answers. */
  readonly recent: RecentAnswers;
  /** When it last began a good answer; `-Infinity` if never. */
  answeredAt: number;
  /** Answers cut off as full servers do, until a scrape shows whether it is full. */
  cuts: Cut[];
  /** A client error that another server returned too, and until when it counts as the client's. */
  cleared: { readonly error: ClientError; readonly until: number } | undefined;
  /** Models that it lists but said it doesn't have, and until when they are denied. */
  readonly denied: Map<string, number>;
  /** When it last became routable. */
  routableSince: number;
  /** An operator drains it: it finishes its requests and gets no new ones. */
  drained: boolean;
  /** Since when it has been leaving, whatever for. */
  leavingSince: number | undefined;
  /** Called to make requests without a first token fail over. */
  readonly evictions: CallbackSet;
  /** Called to make streams continue on other servers. */
  readonly handOvers: CallbackSet;
  /** Why it entered its state. */
  reason: string;
  /** When it entered its state, or was added. Trials of an unhealthy server don't change it. */
  stateSince: number;
  /** The router's own requests in flight, exactly. */
  inFlight: number;
  /** Requests that the router's peers claim to have in flight. */
  peersInFlight: number;
  /** Those in flight that wait for a first token, except retries. */
  awaitingFirstToken: number;
  /** The models it lists, by name. */
  models: ReadonlyMap<string, Model>;
  /** When it last listed its models. */
  modelsUpdatedAt: number | undefined;
  /** Why it last didn't list its models, if so. */
  modelsFailure: ModelsFailure | undefined;
  /** Why its `/metrics` can't be used, if already reported. */
  metricsFailure: string | undefined;
  /** When it was last checked. */
  lastCheckAt: number | undefined;
  /** When a check or request last failed. */
  lastFailureAt: number | undefined;
  /** When its `/metrics` was last read. */
  scrapedAt: number | undefined;
  /** Its last scrape. */
  scrape: Scrape | undefined;
}

/** An answer that broke off after its preamble, before the engine began. */
export interface Cut {
  /** It was a trial. */
  readonly isTrial: boolean;
  /** Details of how it ended. */
  readonly details: EndDetails;
}

/** State of a server. Requests go to `healthy` ones, and one at a time to `half-open` ones. */
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

/**
 * Creates a server about which nothing is known yet.
 *
 * @param now monotonic time in milliseconds
 */
export function newServer(id: number, config: ServerConfig, now: number): Server {
  return {
    id,
    config,
    recognised: undefined,
    health: UNCHECKED,
    asleep: false,
    draining: false,
    removedAt: undefined,
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
    drained: false,
    leavingSince: undefined,
    evictions: new Callbacks(),
    handOvers: new Callbacks(),
    reason: "",
    stateSince: now,
    inFlight: 0,
    peersInFlight: 0,
    awaitingFirstToken: 0,
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

/** Returns the state of a server. If several apply, the most significant one. */
export function stateOf(server: Readonly<Server>): ServerState {
  const { health, models } = server;
  if (server.draining) return "draining";
  if (health.status === "checking" || health.status === "unhealthy") return health.status;
  if (server.shuttingDown || server.drained || server.config.draining) return "draining";
  if (server.asleep) return "sleeping";
  if (server.stalled) return "stalled";
  if (models.size > 0) return health.status;
  return server.modelsFailure?.isUnauthorized ? "unauthorized" : "no_models";
}

/** Returns why it is in that state, human-readable. */
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

/** Whether a server in that state counts towards the fleet's capacity. */
export function hasCapacity(state: ServerState): boolean {
  return state !== "draining" && state !== "no_models" && state !== "unauthorized";
}

/** Whether a server in that state needs attention. */
export function isDown(state: ServerState): boolean {
  return state === "unhealthy" || state === "stalled" || state === "unauthorized" ||
    state === "no_models";
}

/** A server's identity: its URL for the router, its name for people. */
export type ServerIdentity = Pick<ServerConfig, "url" | "name">;
