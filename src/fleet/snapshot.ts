import type { Settings } from "../config/config.ts";
import { meanResponseMs, successRate } from "./health/active_check.ts";
import { freshScrape, loadOf } from "./state/engine.ts";
import type { Load } from "./estimate/load.ts";
import type { WorkSnapshot } from "./estimate/prompt_profile.ts";
import { type Model, reasonOf, type Server, type ServerState, stateOf } from "./state/server.ts";

/** One server at one moment, for whatever shows it. Times are wall-clock times in milliseconds. */
export interface ServerSnapshot extends Load {
  /** Base address, which identifies it. */
  readonly url: string;
  /** What people call it. */
  readonly name: string;
  /** Its state. */
  readonly state: ServerState;
  /** Why it is in that state, in words for people. */
  readonly reason: string;
  /** Requests it may run side by side before it counts as full. */
  readonly capacity: number;
  /** The router's own requests there. */
  readonly inFlight: number;
  /** What it lists, by name. */
  readonly models: ReadonlyMap<string, Model>;
  /** When it last told its models. */
  readonly modelsUpdatedAt: number | undefined;
  /** When it was last checked. */
  readonly lastCheckAt: number | undefined;
  /** Checks or requests that failed in a row, the larger of the two. */
  readonly consecutiveFailures: number;
  /** Share of successful checks in the window, 0 to 1. */
  readonly successRate: number;
  /** Mean answer time of the checks in the window. */
  readonly meanResponseMs: number;
  /** Answer time of the last check. */
  readonly lastResponseMs: number | undefined;
  /** Checks since the server was first met. */
  readonly totalChecks: number;
  /** As the server's own page last said, where it did. */
  readonly scrape: Server["scrape"];
  /** The work under way there and what was learned of its pace. */
  readonly work: WorkSnapshot;
  /** When its own page was last read. */
  readonly scrapedAt: number | undefined;
}

/** The whole fleet at one moment. */
export interface FleetSnapshot {
  /** In the order of the configuration, draining ones last. */
  readonly servers: readonly ServerSnapshot[];
  /** The settings in effect. */
  readonly settings: Settings;
  /** Of prompts, by the models that servers list, where something was learned. */
  readonly tokensPerByte: ReadonlyMap<string, number>;
}

/**
 * Copies what is known of these servers.
 *
 * @param now monotonic time in milliseconds
 * @param toWallTime of a monotonic time
 */
export function snapshotOf(
  servers: readonly Readonly<Server>[],
  settings: Settings,
  estimator: {
    readonly of: (server: Readonly<Server>, now: number) => WorkSnapshot;
    readonly tokensPerByte: () => ReadonlyMap<string, number>;
  },
  now: number,
  toWallTime: (time: number) => number,
): FleetSnapshot {
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
      state: stateOf(server),
      reason: reasonOf(server),
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
