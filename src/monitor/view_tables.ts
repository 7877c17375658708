/** A source of servers. */
export interface SourceView {
  /** Its name. */
  readonly name: string;
  /** How many servers it has; `null` as long as it has reported none. */
  readonly servers: number | null;
  /** Why it can't be read; `null` if it can. */
  readonly failure: string | null;
  /** Wall-clock time in milliseconds since which it can't be read; `null` if it can. */
  readonly failedSince: number | null;
}

/** Maximum number of events in a view. */
export const SHOWN_EVENTS = 50;
/** Maximum number of keys in a view. */
export const SHOWN_KEYS = 20;
/** Maximum number of models in a view. */
export const SHOWN_MODELS = 50;
/** Maximum number of failed requests in a view. */
export const SHOWN_FAILURES = 50;

/** Times to first token over the last minute, in milliseconds; `null` if there were none. */
export interface FirstToken {
  /** Median. */
  readonly p50: number | null;
  /** 95th percentile. */
  readonly p95: number | null;
  /** 99th percentile. */
  readonly p99: number | null;
}

/** A client's key. */
export interface KeyView {
  /** Its name. */
  readonly name: string;
  /** Ended requests since the start. */
  readonly requests: number;
  /** Ended requests per second, over the last minute. */
  readonly requestsPerSecond: number;
  /** Prompt and answer tokens of the requests that ended within the last minute. */
  readonly tokensLastMinute: number;
  /** Used share of its limit of tokens that is closest to being reached; `null` without limits. */
  readonly limitShare: number | null;
}

/** A model. */
export interface ModelView {
  /** Its name, as servers list it. */
  readonly name: string;
  /** Number of servers that list it. */
  readonly servers: number;
  /** Number of healthy servers among them. */
  readonly healthy: number;
  /** Ended requests per second, over the last minute. */
  readonly requestsPerSecond: number;
  /** Share of them that failed, 0 to 1; `null` if none ended. */
  readonly failedShare: number | null;
  /** Time to first token of the streams that ended within the last minute. */
  readonly firstToken: FirstToken;
}

/** A request that failed: 5xx, or an answer that broke off. */
export interface FailureView {
  /** Wall-clock time in milliseconds at which it ended. */
  readonly at: number;
  /** The request's id, as in the log. */
  readonly id: string;
  /** Its path, without the query. */
  readonly path: string;
  /** The model; `null` if it named none. */
  readonly model: string | null;
  /** The name of the client's key; `null` without one. */
  readonly key: string | null;
  /** Name of the last server that was asked; `null` if none was. */
  readonly server: string | null;
  /** Number of servers asked. */
  readonly attempts: number;
  /** The status that the client got, or would have got if its answer had not begun. */
  readonly status: number;
  /** Why it failed, in words. */
  readonly reason: string;
}

/** An event. */
export interface EventView {
  /** Wall-clock time in milliseconds. */
  readonly at: number;
  /** Subject of the event. A server's change of state is a `change`, its start only a `state`. */
  readonly kind: "change" | "state" | "failover" | "reload";
  /** `bad` needs attention; `good` ends a `bad` state. */
  readonly tone: "good" | "bad" | "plain";
  /** One sentence. */
  readonly text: string;
  /** Names of the servers that it is about, each as written in the text, at most 4. */
  readonly servers: readonly string[];
}

/** Another router in front of the same servers. */
export interface PeerView {
  /** Its admin address. */
  readonly router: string;
  /** Whether it and this router tell each other of their requests. */
  readonly up: boolean;
  /** Since when `up` has its value, in wall-clock milliseconds. */
  readonly since: number;
  /** Why it isn't up. */
  readonly problem: string | null;
}
