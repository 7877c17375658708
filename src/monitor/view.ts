import type { ServerState } from "../fleet/state/server.ts";

/** The fleet at one moment, as plain JSON. Every screen shows the same view. */
export interface View {
  /** Version of the router. */
  readonly version: string;
  /** Listen address, such as `http://0.0.0.0:8888`. */
  readonly address: string;
  /** Wall-clock time of this view, in milliseconds. */
  readonly at: number;
  /** Wall-clock time at which the router started, in milliseconds. */
  readonly startedAt: number;
  /** The fleet as a whole. */
  readonly totals: Totals;
  /** Servers in configuration order, draining ones last. */
  readonly servers: readonly ServerView[];
  /** The latest events, newest first, at most {@linkcode SHOWN_EVENTS}. */
  readonly events: readonly EventView[];
  /** The keys that used most tokens within the last minute, at most {@linkcode SHOWN_KEYS}. */
  readonly keys: readonly KeyView[];
}

/** A client's key. */
export interface KeyView {
  /** Its name. */
  readonly name: string;
  /** Ended requests since the start. */
  readonly requests: number;
  /** Prompt and answer tokens of the requests that ended within the last minute. */
  readonly tokensLastMinute: number;
  /** Used share of its limit of tokens that is closest to being reached; `null` without limits. */
  readonly limitShare: number | null;
}

/** Maximum number of keys in a view. */
export const SHOWN_KEYS = 20;

/** The part of a view that never changes while the router runs. */
export type Identity = Pick<View, "version" | "address" | "startedAt">;

/** Maximum number of events in a view. */
export const SHOWN_EVENTS = 50;

/** Times to first token over the last minute, in milliseconds; `null` if there were none. */
export interface FirstToken {
  /** Median. */
  readonly p50: number | null;
  /** 95th percentile. */
  readonly p95: number | null;
  /** 99th percentile. */
  readonly p99: number | null;
}

/** The fleet as a whole. */
export interface Totals {
  /** Number of servers, excluding draining ones. */
  readonly servers: number;
  /** Number of healthy servers among them. */
  readonly healthy: number;
  /** Current requests at all servers divided by their total capacity; may exceed 1. */
  readonly load: number;
  /** The router's own requests in flight. */
  readonly inFlight: number;
  /** Estimated prompt tokens that all servers have yet to compute for this router's requests. */
  readonly pendingTokens: number;
  /** Finished requests per second, over the last few seconds. */
  readonly requestsPerSecond: number;
  /** Tokens generated per second at all servers, over the last few seconds. */
  readonly tokensPerSecond: number;
  /** Finished requests since the start. */
  readonly requests: number;
  /** Requests that moved to another server since the start. */
  readonly failovers: number;
  /** Time to first token, as clients experience it. */
  readonly firstToken: FirstToken;
}

/** One server. */
export interface ServerView {
  /** Base URL, which identifies the server. */
  readonly url: string;
  /** Display name. */
  readonly name: string;
  /** Its state. */
  readonly state: ServerState;
  /** Reason for its state. */
  readonly reason: string;
  /** Requests in its batch. */
  readonly running: number;
  /** Requests in its queue. */
  readonly waiting: number;
  /** Number of concurrent requests at which it counts as full. */
  readonly capacity: number;
  /** Its current requests divided by its capacity; may exceed 1. */
  readonly usage: number;
  /** The router's own requests at this server. */
  readonly inFlight: number;
  /**
   * Estimated prompt tokens that it has yet to compute for this router's own requests. Choosing a
   * server also counts those of other clients' requests.
   */
  readonly pendingTokens: number;
  /** KV-cache usage, 0 to 1; `null` if the server does not report it. */
  readonly kvCacheUsage: number | null;
  /**
   * Share of prompt tokens found in the prefix cache over the last minute, 0 to 1. Metrics and
   * `/load-stats` instead report the share at the last comparison with the prediction.
   */
  readonly prefixHitRate: number | null;
  /** Time to first token, from the start of the attempt. */
  readonly firstToken: FirstToken;
  /** Tokens generated per second, by the server's own counter; `null` if it reports none. */
  readonly tokensPerSecond: number | null;
  /** Failed attempts since the start. */
  readonly errors: number;
  /** The models it lists. */
  readonly models: readonly string[];
}

/** An event. */
export interface EventView {
  /** Wall-clock time in milliseconds. */
  readonly at: number;
  /** Subject of the event. */
  readonly kind: "state" | "failover" | "reload";
  /** `bad` needs attention; `good` ends a `bad` state. */
  readonly tone: "good" | "bad" | "plain";
  /** One sentence. */
  readonly text: string;
}

/** The last quarter of an hour, one value a second, oldest first. */
export interface History {
  /** Wall-clock times in milliseconds. */
  readonly times: readonly number[];
  /** Finished requests per second. */
  readonly requestsPerSecond: readonly number[];
  /** Tokens generated per second at all servers. */
  readonly tokensPerSecond: readonly number[];
  /** Median time to first token in milliseconds. */
  readonly firstTokenP50: readonly (number | null)[];
  /** 95th percentile of the time to first token in milliseconds. */
  readonly firstTokenP95: readonly (number | null)[];
  /** 99th percentile of the time to first token in milliseconds. */
  readonly firstTokenP99: readonly (number | null)[];
  /** The current servers. */
  readonly servers: readonly ServerHistory[];
}

/** One server's history; `null` before it was added or when it did not report a value. */
export interface ServerHistory {
  /** Base URL, which identifies the server. */
  readonly url: string;
  /** Display name. */
  readonly name: string;
  /** The router's own requests at this server. */
  readonly inFlight: readonly (number | null)[];
  /** Requests in its queue. */
  readonly waiting: readonly (number | null)[];
  /** KV-cache usage, 0 to 1. */
  readonly kvCacheUsage: readonly (number | null)[];
}
