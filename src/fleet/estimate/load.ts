/** One scrape of a server's `/metrics`, and what the router had in flight at the time. */
export interface Scrape {
  /** Requests in its batch; `undefined` if not reported. */
  readonly running: number | undefined;
  /** Requests in its queue; `undefined` if not reported. */
  readonly waiting: number | undefined;
  /** 0 to 1, the mean over engines; `undefined` if not reported. */
  readonly kvCacheUsage: number | undefined;
  /** Size of its KV cache in tokens; `undefined` if not reported. */
  readonly kvCacheTokens?: number | undefined;
  /** Tokens of a block of its KV cache; `undefined` if not reported. */
  readonly kvBlockTokens?: number | undefined;
  /** Counters since the server's start. */
  readonly counters?: TokenCounters;
  /** Its limit of open files. The original router shows it. */
  readonly maxFds: number | undefined;
  /** The router's own requests in flight around the scrape. */
  readonly ownInFlight: number;
  /** Requests that the router's peers had in flight then, as far as known. @default 0 */
  readonly peersInFlight?: number;
  /** Monotonic time in milliseconds. */
  readonly at: number;
}

/** Counters since the server's start, over all engines; `undefined` if not reported. */
export interface TokenCounters {
  /** Prompt tokens. */
  readonly prompt: number | undefined;
  /** Prompt tokens that were computed, not found in any cache. */
  readonly computed?: number | undefined;
  /** Generated tokens. */
  readonly generation: number | undefined;
  /** Tokens looked up in the prefix cache. */
  readonly prefixQueries: number | undefined;
  /** Tokens found in the prefix cache. */
  readonly prefixHits: number | undefined;
  /** First tokens of answers. */
  readonly firstTokens?: number | undefined;
  /** Sum of the times to first token, in seconds. */
  readonly firstTokenSeconds?: number | undefined;
  /** Prompts that were computed. */
  readonly prefills?: number | undefined;
  /** Sum of the times from a prompt's first step to its first token, in seconds. */
  readonly prefillSeconds?: number | undefined;
  /** Tokens after the first of an answer. */
  readonly interTokens?: number | undefined;
  /** Sum of the inter-token times, in seconds. */
  readonly interTokenSeconds?: number | undefined;
  /**
   * They move when a request ends: if they stand still, the engine may work all the same.
   *
   * @default they move with each step of the engine
   */
  readonly atEnd?: boolean;
}

/** Requests on a server now, as far as the router knows. */
export interface Load {
  /** Estimated requests in its batch. */
  readonly running: number;
  /** Estimated requests in its queue. */
  readonly waiting: number;
  /** `(running + 0.5 × waiting) / capacity`, the original router's measure. */
  readonly load: number;
}

/**
 * Computes the current load. The router's own requests and its peers' are known exactly. A scrape
 * adds those of other clients (a direct client, or a router that isn't a peer) and shows whether the
 * server queues. If it does, as many requests run as in the scrape and the rest wait; otherwise all
 * run. If the scrape shows only the queue, all other known requests count as running.
 *
 * @param knownNow requests in flight of the router and its peers
 * @param scrape the last one, `undefined` if missing or stale
 */
export function loadNow(
  knownNow: number,
  capacity: number,
  scrape: Scrape | undefined,
): Load {
  const queued = scrape?.waiting ?? 0;
  const others = scrape ? Math.max(0, (scrape.running ?? 0) + queued - knownThen(scrape)) : 0;
  const total = knownNow + others;
  const running = queued > 0
    ? Math.min(total, scrape?.running ?? Math.max(0, total - queued))
    : total;
  const waiting = total - running;
  return { running, waiting, load: (running + 0.5 * waiting) / capacity };
}

function knownThen({ ownInFlight, peersInFlight = 0 }: Scrape): number {
  return ownInFlight + peersInFlight;
}

/** How long a scrape stays fresh, in milliseconds: four intervals, but at least 5 s. */
export function trustedMs(metricsIntervalMs: number): number {
  return Math.max(5_000, 4 * metricsIntervalMs);
}
