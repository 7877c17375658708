import type { ServerState } from "../fleet/server.ts";

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
  readonly totals: Totals;
  /** In the order of the configuration, draining ones last. */
  readonly servers: readonly ServerView[];
  /** The latest, newest first, at most {@linkcode SHOWN_EVENTS}. */
  readonly events: readonly EventView[];
}

/** How many events a view carries. */
export const SHOWN_EVENTS = 50;

/** Times to first token in milliseconds over the last minute; `null` where there was none. */
export interface FirstToken {
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface Totals {
  readonly servers: number;
  readonly healthy: number;
  /** Requests at all servers now over their capacity together, 0 to 1 and beyond. */
  readonly load: number;
  /** The router's own requests in flight. */
  readonly inFlight: number;
  /** Requests that ended, over the last seconds. */
  readonly requestsPerSecond: number;
  /** Tokens generated at all servers, over the last seconds. */
  readonly tokensPerSecond: number;
  /** Since the start. */
  readonly requests: number;
  /** Since the start. */
  readonly failovers: number;
  readonly firstToken: FirstToken;
}

export interface ServerView {
  readonly url: string;
  readonly name: string;
  readonly state: ServerState;
  /** Why it is in that state. */
  readonly reason: string;
  readonly running: number;
  readonly waiting: number;
  readonly capacity: number;
  /** Requests at it now over its capacity, 0 to 1 and beyond. */
  readonly usage: number;
  /** The router's own requests there. */
  readonly inFlight: number;
  /** 0 to 1; `null` where the server doesn't tell. */
  readonly kvCacheUsage: number | null;
  /** Share of prompt tokens found in the prefix cache over the last minute, 0 to 1. */
  readonly prefixHitRate: number | null;
  readonly firstToken: FirstToken;
  /** Generated, as the server's own counter grew; `null` where it doesn't tell. */
  readonly tokensPerSecond: number | null;
  /** Failed attempts since the start. */
  readonly errors: number;
  readonly models: readonly string[];
}

export interface EventView {
  /** Clock time in milliseconds. */
  readonly at: number;
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
  readonly requestsPerSecond: readonly number[];
  readonly tokensPerSecond: readonly number[];
  readonly firstTokenP50: readonly (number | null)[];
  readonly firstTokenP95: readonly (number | null)[];
  readonly firstTokenP99: readonly (number | null)[];
  readonly servers: readonly ServerHistory[];
}

/** `null` where the server was not there yet or did not tell. */
export interface ServerHistory {
  readonly url: string;
  readonly name: string;
  readonly inFlight: readonly (number | null)[];
  readonly waiting: readonly (number | null)[];
  readonly kvCacheUsage: readonly (number | null)[];
}
