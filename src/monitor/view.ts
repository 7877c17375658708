import type { ServerState } from "../fleet/state/server.ts";
import type {
  EventView,
  FailureView,
  FirstToken,
  KeyView,
  ModelView,
  PeerView,
  SourceView,
} from "./view_tables.ts";

/** The fleet at one moment, as plain JSON. Every screen shows the same view. */
export interface View {
  /** Version of the router. */
  readonly version: string;
  /** Listen address, such as `http://0.0.0.0:8888`. */
  readonly address: string;
  /** Whether the dashboard is at an admin address instead. */
  readonly isAdminElsewhere: boolean;
  /** Wall-clock time of this view, in milliseconds. */
  readonly at: number;
  /** Wall-clock time at which the router started, in milliseconds. */
  readonly startedAt: number;
  /** The fleet as a whole. */
  readonly totals: Totals;
  /** Servers in configuration order, draining ones last. */
  readonly servers: readonly ServerView[];
  /** The latest events, newest first, at most 50. */
  readonly events: readonly EventView[];
  /** The keys that used most tokens within the last minute, at most 20. */
  readonly keys: readonly KeyView[];
  /** The models that servers list, by name; of more than 50, first those without a healthy server. */
  readonly models: readonly ModelView[];
  /** The latest failed requests, newest first, at most 50. */
  readonly failures: readonly FailureView[];
  /** The sources of servers, in configuration order. */
  readonly sources: readonly SourceView[];
  /** The other routers in front of the same servers, in configuration order. */
  readonly peers: readonly PeerView[];
}

/** The part of a view that never changes while the router runs. */
export type Identity = Pick<View, "version" | "address" | "isAdminElsewhere" | "startedAt">;

/** Ended requests per second by how they ended, over the last few seconds. */
export interface AnswerRates {
  /** Answered well, 2xx. */
  readonly ok: number;
  /** The client's errors, 4xx, including requests that the router turned away. */
  readonly clientErrors: number;
  /** The client left before the end. */
  readonly clientClosed: number;
  /** Failed: 5xx, or an answer that broke off. */
  readonly failed: number;
}

/** The fleet as a whole. */
export interface Totals {
  /** Number of servers, excluding draining ones. */
  readonly servers: number;
  /** Number of healthy servers among them. */
  readonly healthy: number;
  /**
   * Wall-clock time in milliseconds since which no server is healthy; `null` if one is, or if a
   * draining one takes requests.
   */
  readonly noneHealthySince: number | null;
  /** Current requests at all servers, without draining ones. */
  readonly atServers: number;
  /** Capacity of the servers that take requests. */
  readonly capacity: number;
  /** The first divided by the second, 0 without capacity; may exceed 1. */
  readonly load: number;
  /** The router's own requests in flight. */
  readonly inFlight: number;
  /** Requests in the queues of all servers. */
  readonly waiting: number;
  /** Estimated prompt tokens that all servers have yet to compute for this router's requests. */
  readonly pendingTokens: number;
  /** Finished requests per second, over the last few seconds. */
  readonly requestsPerSecond: number;
  /** The same by how they ended. */
  readonly answersPerSecond: AnswerRates;
  /** Tokens generated per second at all servers, over the last few seconds. */
  readonly tokensPerSecond: number;
  /** Finished requests since the start. */
  readonly requests: number;
  /** Requests that failed within the last minute. */
  readonly failedLastMinute: number;
  /** Their share of the requests that ended then, 0 to 1; `null` if none did. */
  readonly failedShare: number | null;
  /** Requests and streams that moved to another server since the start. */
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
  /** Wall-clock time in milliseconds at which it entered its state. */
  readonly since: number;
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
