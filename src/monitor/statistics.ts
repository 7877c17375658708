import { isFailure, type Outcome } from "../fleet/outcome.ts";
import type { FleetSnapshot } from "../fleet/snapshot.ts";
import { type Answers, createAnswers } from "./answers.ts";
import { createGrowth, type Growth } from "./growth.ts";
import type { Listener } from "./listener.ts";
import { createQuantiles, firstTokenOf, type Quantiles } from "./quantiles.ts";
import type { FirstToken } from "./view_tables.ts";

/** Counts and times of the router, for the screens. */
export interface Statistics {
  readonly listener: Partial<Listener>;
  /** Reads the servers' own counters and forgets removed servers. */
  look(snapshot: FleetSnapshot): void;
  /** The requests that ended. */
  readonly answers: Pick<Answers, "total" | "perSecond" | "lastMinute">;
  /** Requests and streams that moved to another server since the start. */
  readonly failovers: number;
  /** Returns the fleet's time to first token, as clients experience it. */
  fleetFirstToken(): FirstToken;
  /** Of one server by its address, from the attempt on. */
  of(url: string): ServerStatistics;
  /** Ended attempts at a server since the start, by how they ended. */
  attempts(url: string): ReadonlyMap<Outcome, number>;
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
  readonly attempts: Map<Outcome, number>;
  readonly firstToken: Quantiles;
  readonly tokens: Growth;
  readonly prefixQueries: Growth;
  readonly prefixHits: Growth;
}

/** @param now monotonic time in milliseconds */
export function createStatistics(now: () => number): Statistics {
  const servers = new Map<string, Server>();
  const fleetFirstToken = createQuantiles(MINUTE_MS, now);
  const answers = createAnswers(RATE_MS, now);
  let failoverCount = 0;

  function at(url: string): Server {
    let server = servers.get(url);
    if (!server) {
      server = {
        attempts: new Map(),
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
      continued: () => void failoverCount++,
      ...answers.listener,
      attemptEnded({ url }, outcome) {
        const { attempts } = at(url);
        attempts.set(outcome, (attempts.get(outcome) ?? 0) + 1);
      },
    },
    look(snapshot) {
      answers.look();
      const present = new Set(snapshot.servers.map((server) => server.url));
      for (const url of servers.keys()) if (!present.has(url)) servers.delete(url);
      for (const { url, scrape } of snapshot.servers) {
        const server = at(url);
        server.tokens.record(scrape?.counters?.generation);
        server.prefixQueries.record(scrape?.counters?.prefixQueries);
        server.prefixHits.record(scrape?.counters?.prefixHits);
      }
    },
    answers,
    get failovers() {
      return failoverCount;
    },
    fleetFirstToken: () => firstTokenOf(fleetFirstToken),
    of(url) {
      const { attempts, firstToken, tokens, prefixQueries, prefixHits } = at(url);
      const queries = prefixQueries.total();
      const hits = prefixHits.total();
      return {
        errors: [...attempts].reduce((sum, [how, count]) => isFailure(how) ? sum + count : sum, 0),
        firstToken: firstTokenOf(firstToken),
        tokensPerSecond: tokens.perSecond(),
        prefixHitRate: queries && hits !== null ? hits / queries : null,
      };
    },
    attempts: (url) => at(url).attempts,
  };
}
