/** What one scrape of a server's `/metrics` told, and what the router had in flight then. */
export interface Scrape {
  /** Requests in its batch. */
  readonly running: number;
  /** Requests in its queue. */
  readonly waiting: number;
  /** 0 to 1, the mean over engines; `undefined` where the server doesn't say. */
  readonly kvCacheUsage: number | undefined;
  /** Tokens that its KV cache holds; `undefined` where the server doesn't say. */
  readonly kvCacheTokens?: number | undefined;
  /** Tokens since the server's start. */
  readonly counters?: TokenCounters;
  /** Its limit of open files, which the original router shows. */
  readonly maxFds: number | undefined;
  /** The router's own requests at that server around the scrape. */
  readonly ownInFlight: number;
  /** Clock time in milliseconds. */
  readonly at: number;
}

/** Tokens since the server's start, over all its engines; `undefined` where it doesn't say. */
export interface TokenCounters {
  /** Of prompts. */
  readonly prompt: number | undefined;
  /** Generated. */
  readonly generation: number | undefined;
  /** Looked for in the prefix cache. */
  readonly prefixQueries: number | undefined;
  /** Found in the prefix cache. */
  readonly prefixHits: number | undefined;
  /** Generated as the first of an answer. */
  readonly firstTokens?: number | undefined;
  /** Seconds until these, since their requests came, in all. */
  readonly firstTokenSeconds?: number | undefined;
  /** Generated after another one. */
  readonly interTokens?: number | undefined;
  /** Seconds between these and those before them, in all. */
  readonly interTokenSeconds?: number | undefined;
}

/** Requests at a server now, as well as the router can know. */
export interface Load {
  /** Requests believed to be in its batch. */
  readonly running: number;
  /** Requests believed to be in its queue. */
  readonly waiting: number;
  /** `(running + 0.5 × waiting) / capacity`, the original router's measure. */
  readonly load: number;
}

/**
 * The load at this moment: the router's own requests are known exactly, a scrape adds what others
 * send (a second router, a direct client) and tells whether the server queues. Where it showed a
 * queue, as many run as ran then and the rest waits; else all run.
 *
 * @param scrape the last one, or `undefined` where it is missing or too old to trust
 */
export function loadNow(
  ownNow: number,
  capacity: number,
  scrape: Scrape | undefined,
): Load {
  const others = scrape ? Math.max(0, scrape.running + scrape.waiting - scrape.ownInFlight) : 0;
  const total = ownNow + others;
  const running = scrape && scrape.waiting > 0 ? Math.min(total, scrape.running) : total;
  const waiting = total - running;
  return { running, waiting, load: (running + 0.5 * waiting) / capacity };
}

/** How long a scrape says something about now, in milliseconds: several intervals, some seconds. */
export function trustedMs(metricsIntervalMs: number): number {
  return Math.max(5_000, 4 * metricsIntervalMs);
}
