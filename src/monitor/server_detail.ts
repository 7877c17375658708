import type { Outcome } from "../fleet/outcome.ts";
import type { ServerSnapshot } from "../fleet/snapshot.ts";

/** What the router knows of one server besides its {@linkcode ServerView}. */
export interface ServerDetail {
  /** Base URL, which identifies the server. */
  readonly url: string;
  /** Its inference engine; `null` if unknown. */
  readonly engine: string | null;
  /** Ended attempts since the start, by how they ended; only those that occurred. */
  readonly attempts: Partial<Readonly<Record<Outcome, number>>>;
  /** Its health checks. Times in milliseconds. */
  readonly checks: {
    /** Checks since it was added. */
    readonly total: number;
    /** Consecutive failed checks or requests, whichever is larger. */
    readonly failedInARow: number;
    /** Share of the checks in the window that passed, 0 to 1. */
    readonly successRate: number;
    /** Mean response time over the window. */
    readonly meanMs: number;
    /** Response time of the last one; `null` before the first. */
    readonly lastMs: number | null;
    /** Wall-clock time of the last one; `null` before the first. */
    readonly lastAt: number | null;
  };
  /** Its pace, as learned from its answers. */
  readonly pace: {
    /** Uncached prompt tokens computed per second. */
    readonly prefillTokensPerSecond: number;
    /** Milliseconds between two tokens of an answer. */
    readonly interTokenMs: number;
    /** Milliseconds to the first token of a prompt that is cached. */
    readonly startMs: number;
  };
  /** Its prefix cache, as the router expects and the server reports it. */
  readonly prefixCache: {
    /** Prompt blocks expected in it. */
    readonly blocks: number;
    /** Predicted hit rate by tokens, 0 to 1; `null` without a recent comparison. */
    readonly predictedHitRate: number | null;
    /** The same by its own counters. */
    readonly realHitRate: number | null;
  };
  /** Wall-clock time of the last read of its metrics; `null` if never. */
  readonly scrapedAt: number | null;
  /** Wall-clock time at which it last listed its models; `null` if never. */
  readonly modelsAt: number | null;
}

/**
 * Describes a server.
 *
 * @param attempts ended attempts by how they ended
 */
export function detailOf(
  server: ServerSnapshot,
  attempts: ReadonlyMap<Outcome, number>,
): ServerDetail {
  const { work } = server;
  return {
    url: server.url,
    engine: server.engine ?? null,
    attempts: Object.fromEntries(attempts),
    checks: {
      total: server.totalChecks,
      failedInARow: server.consecutiveFailures,
      successRate: server.successRate,
      meanMs: server.meanResponseMs,
      lastMs: server.lastResponseMs ?? null,
      lastAt: server.lastCheckAt ?? null,
    },
    pace: {
      prefillTokensPerSecond: 1 / work.secondsPerToken,
      interTokenMs: work.secondsPerAnswerToken * 1000,
      startMs: work.startSeconds * 1000,
    },
    prefixCache: {
      blocks: work.prefixBlocks,
      predictedHitRate: work.predictedHitRate ?? null,
      realHitRate: work.realHitRate ?? null,
    },
    scrapedAt: server.scrapedAt ?? null,
    modelsAt: server.modelsUpdatedAt ?? null,
  };
}
