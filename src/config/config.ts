import type { Level } from "./log_level.ts";

/** What the router was told: the servers it may use and the settings it runs by. */
export interface Config {
  /** At least one, each with a URL of its own. */
  readonly servers: readonly ServerConfig[];
  /** How the router behaves. */
  readonly settings: Settings;
  /** Who may use it and how it is reached. */
  readonly access: Access;
}

/** Who may use the router and how it is reached. */
export interface Access {
  /** Those that are good. */
  readonly keys: readonly ApiKey[];
  /** Whether a key is asked for. A list or a file without keys lets nobody in. */
  readonly keysAreOn: boolean;
  /** A second address for what is not for clients. @default the main one */
  readonly adminListen?: { readonly hostname: string; readonly port: number };
  /** Names that the second address answers to, beside IP addresses and `localhost`. */
  readonly adminHosts: readonly string[];
  /** Certificate chain and key in PEM. @default plain HTTP */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Origins whose pages may use the router; `*` stands for all. @default ["*"] */
  readonly corsOrigins: readonly string[];
}

/** A key that clients may show, and its limits. */
export interface ApiKey {
  /** What logs and metrics call it. */
  readonly name: string;
  /** SHA-256 of the key, in 64 hexadecimal digits of lower case. */
  readonly hash: string;
  /** The models it is good for. @default all */
  readonly models?: readonly string[];
  /** Requests that may begin in any minute. @default any number */
  readonly requestsPerMinute?: number;
  /** Requests in flight at once. @default any number */
  readonly maxInFlight?: number;
}

/** One server as the operator described it. */
export interface ServerConfig {
  /** Base address without a trailing `/` or `/v1`; identifies the server across reloads. */
  readonly url: string;
  /** What people see. @default the address without its scheme */
  readonly name: string;
  /** Requests it may run side by side before it counts as full. @default 3 */
  readonly capacity: number;
  /** Sent as `Authorization: Bearer …` instead of the client's. */
  readonly apiKey?: string;
  /** PEM of the authority that signed its certificate, beside those that are known anyway. */
  readonly ca?: string;
  /** Its own certificate is in `ca` and may sign others, which `fetch` accepts of no server. */
  readonly isSelfSigned?: boolean;
  /** Accept any certificate from it. @default false */
  readonly tlsSkipVerify?: boolean;
  /** Path of its health page. @default "/health", or `/v1/models` where that says nothing */
  readonly healthPath?: string;
  /** Shown to the server as the router's own: certificate chain and key in PEM. */
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  /** Address of the proxy it is reached through, with name and password if any. @default directly */
  readonly proxy?: string;
  /** A fixed list of model names, which turns discovery off for this server. */
  readonly models?: readonly string[];
}

/** The `[config]` table, in milliseconds where it says seconds. */
export interface Settings {
  /** Name of the policy that chooses servers. @default "least_work" */
  readonly policy: string;
  /** Overrides the command line's. */
  readonly logLevel?: Level;
  /** Between two scrapes of a server's `/metrics`. @default 500 */
  readonly metricsIntervalMs: number;
  /** Between two checks of a server. @default 10_000 */
  readonly healthCheckIntervalMs: number;
  /** For one answer to a check, a scrape or a listing. @default 5_000 */
  readonly healthCheckTimeoutMs: number;
  /** For a connection to a server. @default 5_000 */
  readonly connectTimeoutMs: number;
  /** Silence before an answer's first bytes after which an attempt ends. @default 120_000 */
  readonly requestTimeoutMs: number;
  /** Silence within an answer after which it breaks off. @default requestTimeoutMs */
  readonly chunkTimeoutMs: number;
  /** For a whole request, from its head to its answer's end. @default none */
  readonly totalTimeoutMs?: number;
  /** How long an engine may stand still with requests running. @default 30_000 */
  readonly stallTimeoutMs: number;
  /** Requests that the router has in flight at most. @default 10_000 */
  readonly maxInFlight: number;
  /** Requests in flight from one client address at most. @default any number */
  readonly maxInFlightPerClient?: number;
  /** Bytes of one request's body at most. @default 64 MiB */
  readonly maxBodyBytes: number;
  /** Bytes of request bodies that it holds at most. @default 512 MiB */
  readonly bodyBufferBytes: number;
  /**
   * Within each such time 1 KiB a second of a request's body must arrive, and its client must take
   * something of the answer. @default 60_000
   */
  readonly clientTimeoutMs: number;
  /** Header of requests that tells which belong together. @default "x-session-id" */
  readonly sessionHeader: string;
  /** Tell clients in a header why a server was chosen. @default false */
  readonly debugHeaders: boolean;
  /** Addresses and networks whose `x-forwarded-for` is believed. @default none */
  readonly trustedProxies: readonly string[];
  /** How long a stopping router waits for its requests. @default 120_000 */
  readonly drainTimeoutMs: number;
  /** How long a stopping router takes new requests as before, its readiness aside. @default 0 */
  readonly drainDelayMs: number;
  /** Further servers a failed request may go to. @default 3 */
  readonly maxRetries: number;
  /** The slow poll behind the file watch. @default 30_000 */
  readonly configReloadIntervalMs: number;
  /** Consecutive request failures that take a server out. @default 2 */
  readonly failureThreshold: number;
  /** How long a server that failed is left alone when active checks are off. @default 60_000 */
  readonly autoRecoveryMs: number;
  /** Check servers regularly, not only at their start and after failures. @default true */
  readonly activeHealthCheck: boolean;
  /** Mean answer time over the window above which a server is unhealthy. @default 10_000 */
  readonly healthCheckMaxResponseMs: number;
  /** Share of successful checks in a full window below which a server is unhealthy, 0 to 1. @default 0.8 */
  readonly healthCheckMinSuccessRate: number;
  /** Checks that the window holds. @default 10 */
  readonly healthCheckWindowSize: number;
  /** Consecutive failed checks that take a server out. @default 3 */
  readonly healthCheckConsecutiveFailures: number;
}
