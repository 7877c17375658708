/** What the router was told: the servers it may use and the settings it runs by. */
export interface Config {
  readonly servers: readonly ServerConfig[];
  readonly settings: Settings;
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
  /** A fixed list of model names, which turns discovery off for this server. */
  readonly models?: readonly string[];
}

/** The `[config]` table, in milliseconds where it says seconds. */
export interface Settings {
  readonly policy: string;
  readonly metricsIntervalMs: number;
  readonly healthCheckIntervalMs: number;
  readonly healthCheckTimeoutMs: number;
  /** Silence from a server after which an attempt ends. Never a limit on an answer's length. */
  readonly requestTimeoutMs: number;
  readonly maxRetries: number;
  readonly configReloadIntervalMs: number;
  /** Consecutive request failures that take a server out. */
  readonly failureThreshold: number;
  /** How long a server that failed is left alone when active checks are off. */
  readonly autoRecoveryMs: number;
  readonly activeHealthCheck: boolean;
  /** Mean answer time over the window above which a server is unhealthy. */
  readonly healthCheckMaxResponseMs: number;
  /** Share of successful checks in a full window below which a server is unhealthy, 0 to 1. */
  readonly healthCheckMinSuccessRate: number;
  readonly healthCheckWindowSize: number;
  /** Consecutive failed checks that take a server out. */
  readonly healthCheckConsecutiveFailures: number;
}
