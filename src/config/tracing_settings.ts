/** Where traces go, and which. */
export interface Tracing {
  /** The collector's address for traces, with its path. */
  readonly url: string;
  /** PEM of the CA that signed its certificate, trusted in addition to the built-in CAs. */
  readonly ca?: string;
  /** How exports are encoded. @default "http/protobuf" */
  readonly protocol: "http/protobuf" | "http/json";
  /** Sent with each export; may contain keys. */
  readonly headers: readonly (readonly [string, string])[];
  /** Timeout of one export. @default 10_000 */
  readonly timeoutMs: number;
  /** Whether exports are compressed. @default false */
  readonly gzip: boolean;
  /** Which requests are traced. */
  readonly sampler: Sampler;
  /** What is said of the router with all spans, such as `service.name`. */
  readonly resource: Readonly<Record<string, string>>;
  /** Spans held at most. @default 2_048 */
  readonly maxQueue: number;
  /** Spans sent at once. @default 512 */
  readonly maxBatch: number;
  /** How long a span waits for others to be sent with. @default 5_000 */
  readonly delayMs: number;
}

/** Decides which traces are exported. */
export interface Sampler {
  /** Share of traces, 0 to 1. @default 1 */
  readonly ratio: number;
  /** A request that belongs to a trace is sampled as its caller says. @default true */
  readonly isParentBased: boolean;
}
