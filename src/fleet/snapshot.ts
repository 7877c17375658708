import type { Settings } from "../config/config.ts";
import type { EngineName } from "../config/engine_name.ts";
import { meanResponseMs, successRate } from "./health/active_check.ts";
import { engineNameOf, freshScrape, loadOf } from "./state/engine.ts";
import type { Load } from "./estimate/load.ts";
import type { WorkSnapshot } from "./estimate/prompt_profile.ts";
import type { Model } from "./state/models.ts";
import { isLastToServe } from "./state/hand_over.ts";
import { isRoutable, reasonOf, type Server, type ServerState, stateOf } from "./state/server.ts";

/** Snapshot of one server. Times are wall-clock times in milliseconds. */
export interface ServerSnapshot extends Load {
  /** Base URL, which identifies it. */
  readonly url: string;
  /** Display name. */
  readonly name: string;
  /** Its inference engine; `undefined` if unknown. */
  readonly engine: EngineName | undefined;
  /** Its state. */
  readonly state: ServerState;
  /** Why it is in that state, human-readable. */
  readonly reason: string;
  /** Whether it gets requests, even if only those that no other server can take. */
  readonly takesRequests: boolean;
  /** When it entered that state. */
  readonly stateSince: number;
  /** Concurrent requests at which its load is 1. */
  readonly capacity: number;
  /** The router's own requests in flight. */
  readonly inFlight: number;
  /** The models it lists, by name. */
  readonly models: ReadonlyMap<string, Model>;
  /** When it last listed its models. */
  readonly modelsUpdatedAt: number | undefined;
  /** When it was last checked. */
  readonly lastCheckAt: number | undefined;
  /** Consecutive failed checks or requests, whichever is larger. */
  readonly consecutiveFailures: number;
  /** Share of successful checks in the window, 0 to 1. */
  readonly successRate: number;
  /** Mean response time of the checks in the window. */
  readonly meanResponseMs: number;
  /** Response time of the last check. */
  readonly lastResponseMs: number | undefined;
  /** Checks since the server was added. */
  readonly totalChecks: number;
  /** The last scrape of its `/metrics`; `undefined` if missing or stale. */
  readonly scrape: Server["scrape"];
  /** Its pending work and its latency model. */
  readonly work: WorkSnapshot;
  /** When its `/metrics` was last read. */
  readonly scrapedAt: number | undefined;
}

/** Snapshot of the whole fleet. */
export interface FleetSnapshot {
  /** In the configuration's order, removed ones last. */
  readonly servers: readonly ServerSnapshot[];
  /** The settings in effect. */
  readonly settings: Settings;
  /** Learned tokens per byte of prompt, by listed model. */
  readonly tokensPerByte: ReadonlyMap<string, number>;
}

/**
 * Takes a snapshot of these servers.
 *
 * @param clock now in monotonic milliseconds, and a function that converts them to wall-clock time
 */
export function snapshotOf(
  servers: readonly Readonly<Server>[],
  settings: Settings,
  estimator: {
    readonly of: (server: Readonly<Server>, now: number) => WorkSnapshot;
    readonly tokensPerByte: () => ReadonlyMap<string, number>;
  },
  clock: { readonly now: () => number; readonly toWallTime: (time: number) => number },
): FleetSnapshot {
  const { toWallTime } = clock;
  const now = clock.now();
  const tokensPerByte = estimator.tokensPerByte();
  const shown = (time: number | undefined) => time === undefined ? time : toWallTime(time);
  const isListed = (model: string) => servers.some(({ models }) => models.has(model));
  return {
    settings,
    tokensPerByte: new Map([...tokensPerByte].filter(([model]) => isListed(model))),
    servers: servers.map((server) => ({
      ...loadOf(server, settings, now),
      work: estimator.of(server, now),
      scrape: freshScrape(server, settings, now),
      url: server.config.url,
      name: server.config.name,
      engine: engineNameOf(server),
      state: stateOf(server),
      reason: reasonOf(server),
      takesRequests: takesRequests(server),
      stateSince: toWallTime(server.stateSince),
      capacity: server.config.capacity,
      inFlight: server.inFlight,
      models: server.models,
      modelsUpdatedAt: shown(server.modelsUpdatedAt),
      lastCheckAt: shown(server.lastCheckAt),
      consecutiveFailures: Math.max(
        server.health.consecutiveCheckFailures,
        server.health.consecutiveRequestFailures,
      ),
      successRate: successRate(server.health),
      meanResponseMs: meanResponseMs(server.health),
      lastResponseMs: server.health.window.at(-1)?.responseMs,
      totalChecks: server.health.totalChecks,
      scrapedAt: shown(server.scrapedAt),
    })),
  };
}

function takesRequests(server: Readonly<Server>): boolean {
  const state = stateOf(server);
  return isRoutable(state) || state === "draining" && isLastToServe(server);
}
