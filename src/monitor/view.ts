import type { ServerState } from "../fleet/state/server.ts";

/** The fleet at one moment as people are shown it: plain JSON, the same for every screen. */
export interface View {
  /** Of the router. */
  readonly version: string;
  /** Where it listens, such as `http://0.0.0.0:8888`. */
  readonly address: string;
  /** Clock time in milliseconds of this view. */
  readonly at: number;
  /** Clock time in milliseconds at which the router started. */
  readonly startedAt: number;
  /** The fleet as a whole. */
  readonly totals: Totals;
  /** In the order of the configuration, draining ones last. */
  readonly servers: readonly ServerView[];
  /** The latest, newest first, at most {@linkcode SHOWN_EVENTS}. */
  readonly events: readonly EventView[];
}

/** What stays the same as long as the router runs. */
export type Identity = Pick<View, "version" | "address" | "startedAt">;

/** How many events a view carries. */
export const SHOWN_EVENTS = 50;

/** Times to first token in milliseconds over the last minute; `null` where there was none. */
export interface FirstToken {
  /** Half of them were at most that. */
  readonly p50: number | null;
  /** 95% of them were at most that. */
  readonly p95: number | null;
  /** 99% of them were at most that. */
  readonly p99: number | null;
}

/** The fleet as a whole. */
export interface Totals {
  /** Servers, without those that drain. */
  readonly servers: number;
  /** Of them, those that requests go to. */
  readonly healthy: number;
  /** Requests at all servers now over their capacity together, 0 to 1 and beyond. */
  readonly load: number;
  /** The router's own requests in flight. */
  readonly inFlight: number;
  /** Prompt tokens that all servers have yet to compute for this router's requests, estimated. */
  readonly pendingTokens: number;
  /** Requests that ended, over the last seconds. */
  readonly requestsPerSecond: number;
  /** Tokens generated at all servers, over the last seconds. */
  readonly tokensPerSecond: number;
  /** Requests that ended since the start. */
  readonly requests: number;
  /** Requests that moved to another server since the start. */
  readonly failovers: number;
  /** As clients wait for it. */
  readonly firstToken: FirstToken;
}

/** One server. */
export interface ServerView {
  /** Base address, which identifies it. */
  readonly url: string;
  /** What people call it. */
  readonly name: string;
  /** Its state. */
  readonly state: ServerState;
  /** Why it is in that state. */
  readonly reason: string;
  /** Requests in its batch. */
  readonly running: number;
  /** Requests in its queue. */
  readonly waiting: number;
  /** Requests it may run side by side before it counts as full. */
  readonly capacity: number;
  /** Requests at it now over its capacity, 0 to 1 and beyond. */
  readonly usage: number;
  /** The router's own requests there. */
  readonly inFlight: number;
  /**
   * Prompt tokens that it has yet to compute for this router's own requests, as the router
   * estimates. A choice counts those of others' requests as well.
   */
  readonly pendingTokens: number;
  /** 0 to 1; `null` where the server doesn't tell. */
  readonly kvCacheUsage: number | null;
  /**
   * Share of prompt tokens found in the prefix cache over the last minute, 0 to 1. Metrics and
   * `/load-stats` have that of the last comparison with what was predicted.
   */
  readonly prefixHitRate: number | null;
  /** From the attempt on. */
  readonly firstToken: FirstToken;
  /** Generated, as the server's own counter grew; `null` where it doesn't tell. */
  readonly tokensPerSecond: number | null;
  /** Failed attempts since the start. */
  readonly errors: number;
  /** What it lists. */
  readonly models: readonly string[];
}

/** Something that happened. */
export interface EventView {
  /** Clock time in milliseconds. */
  readonly at: number;
  /** What it was about. */
  readonly kind: "state" | "failover" | "reload";
  /** `bad` is something to look at, `good` its end. */
  readonly tone: "good" | "bad" | "plain";
  /** One sentence. */
  readonly text: string;
}

/** The last quarter of an hour, one value a second, oldest first. */
export interface History {
  /** Clock times in milliseconds. */
  readonly times: readonly number[];
  /** Requests that ended. */
  readonly requestsPerSecond: readonly number[];
  /** Tokens generated at all servers. */
  readonly tokensPerSecond: readonly number[];
  /** Time to first token in milliseconds, the median. */
  readonly firstTokenP50: readonly (number | null)[];
  /** The same, 95th percentile. */
  readonly firstTokenP95: readonly (number | null)[];
  /** The same, 99th percentile. */
  readonly firstTokenP99: readonly (number | null)[];
  /** The servers that are there now. */
  readonly servers: readonly ServerHistory[];
}

/** One server's part of the history; `null` where it was not there yet or did not tell. */
export interface ServerHistory {
  /** Base address, which identifies it. */
  readonly url: string;
  /** What people call it. */
  readonly name: string;
  /** The router's own requests there. */
  readonly inFlight: readonly (number | null)[];
  /** Requests in its queue. */
  readonly waiting: readonly (number | null)[];
  /** 0 to 1. */
  readonly kvCacheUsage: readonly (number | null)[];
}
