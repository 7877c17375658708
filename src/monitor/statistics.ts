import { isFailure } from "../fleet/outcome.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { createGrowth, type Growth } from "./growth.ts";
import type { Listener } from "./listener.ts";
import { createQuantiles, type Quantiles } from "./quantiles.ts";
import type { FirstToken } from "./view.ts";

/** Counts and times of the router, for the screens. */
export interface Statistics {
  readonly listener: Partial<Listener>;
  /** Reads the servers' own counters and forgets removed servers. */
  look(snapshot: FleetSnapshot): void;
  /** Finished requests since the start. */
  readonly requests: number;
  /** Failovers since the start. */
  readonly failovers: number;
  requestsPerSecond(): number;
  /** Returns the fleet's time to first token, as clients experience it. */
  fleetFirstToken(): FirstToken;
  /** Of one server by its address, from the attempt on. */
  of(url: string): ServerStatistics;
}

export interface ServerStatistics {
  readonly errors: number;
  readonly firstToken: FirstToken;
  readonly tokensPerSecond: number | null;
  /** Over the last minute, 0 to 1; `null` if the cache was not queried. */
  readonly prefixHitRate: number | null;
}

const RATE_MS = 5_000;
const MINUTE_MS = 60_000;

interface Server {
  errors: number;
  readonly firstToken: Quantiles;
  readonly tokens: Growth;
  readonly prefixQueries: Growth;
  readonly prefixHits: Growth;
}

/** @param now monotonic time in milliseconds */
export function createStatistics(now: () => number): Statistics {
  const servers = new Map<string, Server>();
  const fleetFirstToken = createQuantiles(MINUTE_MS, now);
  const requests = createGrowth(RATE_MS, now);
  let requestCount = 0;
  let failoverCount = 0;

  function at(url: string): Server {
    let server = servers.get(url);
    if (!server) {
      server = {
        errors: 0,
        firstToken: createQuantiles(MINUTE_MS, now),
        tokens: createGrowth(RATE_MS, now),
        prefixQueries: createGrowth(MINUTE_MS, now),
        prefixHits: createGrowth(MINUTE_MS, now),
      };
      servers.set(url, server);
    }
    return server;
  }

  return {
    listener: {
      firstToken({ url }, sinceAttemptMs, sinceRequestMs) {
        at(url).firstToken.add(sinceAttemptMs);
        fleetFirstToken.add(sinceRequestMs);
      },
      failover: () => void failoverCount++,
      closed: () => void requestCount++,
      attemptEnded({ url }, outcome) {
        if (isFailure(outcome)) at(url).errors++;
      },
    },
    look(snapshot) {
      requests.record(requestCount);
      const present = new Set(snapshot.servers.map((server) => server.url));
      for (const url of servers.keys()) if (!present.has(url)) servers.delete(url);
      for (const { url, scrape } of snapshot.servers) {
        const server = at(url);
        server.tokens.record(scrape?.counters?.generation);
        server.prefixQueries.record(scrape?.counters?.prefixQueries);
        server.prefixHits.record(scrape?.counters?.prefixHits);
      }
    },
    get requests() {
      return requestCount;
    },
    get failovers() {
      return failoverCount;
    },
    requestsPerSecond: () => requests.perSecond() ?? 0,
    fleetFirstToken: () => firstTokenOf(fleetFirstToken),
    of(url) {
      const { errors, firstToken, tokens, prefixQueries, prefixHits } = at(url);
      const queries = prefixQueries.total();
      const hits = prefixHits.total();
      return {
        errors,
        firstToken: firstTokenOf(firstToken),
        tokensPerSecond: tokens.perSecond(),
        prefixHitRate: queries && hits !== null ? hits / queries : null,
      };
    },
  };
}

function firstTokenOf(quantiles: Quantiles): FirstToken {
  const [p50, p95, p99] = quantiles.read([0.5, 0.95, 0.99]);
  return { p50: p50 ?? null, p95: p95 ?? null, p99: p99 ?? null };
}
