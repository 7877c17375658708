import type { Discovery } from "./discovery.ts";
import type { ExtraPath } from "./extra_paths.ts";
import type { Level } from "./log_level.ts";
import type { ServerConfig } from "./server_config.ts";
import type { Tracing } from "./tracing_settings.ts";

export type { ServerConfig };

/** A validated configuration: servers, settings and access rules. */
export interface Config {
  /** Those that the file lists. At least one, unless others can come; URLs are unique. */
  readonly servers: readonly ServerConfig[];
  /** Where further servers come from; names are unique. */
  readonly discovery: readonly Discovery[];
  /** The proxy of servers that are added while the router runs. @default none */
  readonly proxy?: string;
  /** How the router behaves. */
  readonly settings: Settings;
  /** Who may use the router, and where it listens. */
  readonly access: Access;
  /** The names under which clients may ask for models. */
  readonly modelNames: ModelNames;
  /** Where traces go. @default requests are not traced */
  readonly tracing?: Tracing;
  /** The other routers in front of the same servers. @default none */
  readonly peers?: Peers;
}

/** The other routers in front of the same servers. */
export interface Peers {
  /** The listed admin addresses, as origins; may include the router's own. */
  readonly routers: readonly string[];
  /** Sources of further routers; may include the router itself. Names are unique. */
  readonly sources: readonly Discovery[];
  /** The key that they and this router present to each other. @default none, on one machine */
  readonly key?: string;
}

/** Names under which clients may ask for models, besides those that servers list. */
export interface ModelNames {
  /** In the file's order. */
  readonly aliases: readonly Alias[];
  /** The model for requests that name none, or one that nobody knows. @default none */
  readonly default?: string;
}

/** Another name of a model, or of several. */
export interface Alias {
  /** May contain one `*`, which stands for any characters. */
  readonly alias: string;
  /** One or more, each with its share of the requests. */
  readonly targets: readonly { readonly model: string; readonly weight: number }[];
}

/** Who may use the router, and where it listens. */
export interface Access {
  /** The valid API keys. */
  readonly keys: readonly ApiKey[];
  /** Whether clients must present a key. If so, an empty list denies everyone. */
  readonly keysAreOn: boolean;
  /** Separate address for operator endpoints. @default the main address */
  readonly adminListen?: { readonly hostname: string; readonly port: number };
  /** Hashes of the keys that allow changing servers at the admin address. @default none is asked for */
  readonly adminKeys?: readonly string[];
  /** Host names accepted at the admin address, in addition to IP addresses and `localhost`. */
  readonly adminHosts: readonly string[];
  /** Certificate chain and private key, in PEM. @default plain HTTP */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Origins allowed by CORS; `*` allows all. @default ["*"] */
  readonly corsOrigins: readonly string[];
  /** Whose HTTP/1.1 is spoken with clients and servers: the router's or the runtime's. */
  readonly http1: "own" | "deno";
  /** Limits of tokens by model, for all clients together. @default none */
  readonly modelLimits?: ModelLimits;
}

/** Limits of prompt and answer tokens together. */
export interface TokenLimits {
  /** Maximum tokens in any minute. @default unlimited */
  readonly tokensPerMinute?: number;
  /** Maximum tokens in any 24 hours. @default unlimited */
  readonly tokensPerDay?: number;
}

/** Limits of tokens by the model that requests name. */
export type ModelLimits = ReadonlyMap<string, TokenLimits>;

/** A client's API key and its limits. */
export interface ApiKey extends TokenLimits {
  /** Name in logs and metrics. */
  readonly name: string;
  /** SHA-256 of the key: 64 lower-case hexadecimal digits. */
  readonly hash: string;
  /** Models it may use. @default all */
  readonly models?: readonly string[];
  /** Maximum requests started per minute. @default unlimited */
  readonly requestsPerMinute?: number;
  /** Maximum concurrent requests. @default unlimited */
  readonly maxInFlight?: number;
  /** Its further limits of tokens, by model. @default none */
  readonly modelLimits?: ModelLimits;
  /**
   * Sent as `priority` to servers that schedule by priority, in place of the client's; lower comes
   * first. @default the client's
   */
  readonly priority?: number;
}

/** The `[config]` table, with seconds converted to milliseconds. */
export interface Settings {
  /** Name of the routing policy. @default "least_work" */
  readonly policy: string;
  /** Overrides the command line's log level. */
  readonly logLevel?: Level;
  /** Interval between scrapes of a server's `/metrics`. @default 500 */
  readonly metricsIntervalMs: number;
  /** Interval between health checks of a server. @default 10_000 */
  readonly healthCheckIntervalMs: number;
  /** Timeout of one health check, scrape or model listing. @default 5_000 */
  readonly healthCheckTimeoutMs: number;
  /** Timeout for connecting to a server. @default 5_000 */
  readonly connectTimeoutMs: number;
  /** Idle time before the first bytes of a response after which an attempt fails. @default 120_000 */
  readonly requestTimeoutMs: number;
  /** Idle time within a response after which it is aborted. @default requestTimeoutMs */
  readonly chunkTimeoutMs: number;
  /** Timeout of a whole request, from its head to the end of the response. @default none */
  readonly totalTimeoutMs?: number;
  /** How long an engine may make no progress while requests are running. @default 30_000 */
  readonly stallTimeoutMs: number;
  /** Maximum requests in flight. @default 10_000 */
  readonly maxInFlight: number;
  /** Maximum requests in flight per client address. @default unlimited */
  readonly maxInFlightPerClient?: number;
  /** Maximum size of one request body. @default 64 MiB */
  readonly maxBodyBytes: number;
  /** Maximum total size of buffered request bodies. @default 512 MiB */
  readonly bodyBufferBytes: number;
  /**
   * Period in which a request body must arrive at 1 KiB/s or more, and in which a client must read
   * some of its response. @default 60_000
   */
  readonly clientTimeoutMs: number;
  /** Request header that identifies a session. @default "x-session-id" */
  readonly sessionHeader: string;
  /** Whether responses carry headers that name and explain the choice of server. @default false */
  readonly debugHeaders: boolean;
  /** Paths forwarded in addition to the known ones. @default none */
  readonly extraPaths: readonly ExtraPath[];
  /** Interval of comments between a stream's head and its first token. @default none are sent */
  readonly sseKeepAliveMs?: number;
  /** Addresses and networks whose `x-forwarded-for` is trusted. @default none */
  readonly trustedProxies: readonly string[];
  /** How long shutdown waits for requests in flight. @default 120_000 */
  readonly drainTimeoutMs: number;
  /** How long shutdown keeps accepting requests while already reporting not ready. @default 0 */
  readonly drainDelayMs: number;
  /** Maximum retries of a failed request on other servers. @default 3 */
  readonly maxRetries: number;
  /** Whether another server goes on with a stream whose server breaks off. @default true */
  readonly continueStreams: boolean;
  /** Maximum servers that go on with one stream, one after the other. @default 2 */
  readonly maxContinuations: number;
  /** Interval of the poll that backs up the file watch. @default 30_000 */
  readonly configReloadIntervalMs: number;
  /** Path of the file in which what was learned outlives the router. @default none */
  readonly stateFile?: string;
  /** Consecutive request failures that mark a server unhealthy. @default 2 */
  readonly failureThreshold: number;
  /** How long a failed server is out of rotation if active checks are off. @default 60_000 */
  readonly autoRecoveryMs: number;
  /** Whether to check servers periodically, not only initially and after failures. @default true */
  readonly activeHealthCheck: boolean;
  /** Mean response time over the window above which a server is unhealthy. @default 10_000 */
  readonly healthCheckMaxResponseMs: number;
  /** Share of successful checks in a full window below which a server is unhealthy, 0 to 1. @default 0.8 */
  readonly healthCheckMinSuccessRate: number;
  /** Number of checks in the window. @default 10 */
  readonly healthCheckWindowSize: number;
  /** Consecutive failed checks that mark a server unhealthy. @default 3 */
  readonly healthCheckConsecutiveFailures: number;
}
