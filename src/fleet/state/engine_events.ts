import { openBreaker } from "../health/circuit_breaker.ts";
import type { Scrape } from "../estimate/load.ts";
import type { Server } from "./server.ts";
import { afterScrape, stallAfterMs } from "../health/engine_stall.ts";
import type { Circumstances } from "./server_events.ts";

// Transitions caused by a scrape, or by its failure. Each changes the server and returns a
// human-readable reason for its new state.

/**
 * Applies a scrape of its `/metrics`.
 *
 * @param prefillMs expected time to first token of the longest waiting prompt
 */
export function applyScrape(
  server: Server,
  scrape: Omit<Scrape, "at"> | undefined,
  asleep: boolean,
  prefillMs: number,
  circumstances: Circumstances,
): string {
  const { settings, now } = circumstances;
  const { asleep: slept, stalled: isStalled, awaitingFirstToken, progress: { movedAt } } = server;
  server.scrapedAt = now;
  server.scrape = scrape && { ...scrape, peersInFlight: server.peersInFlight, at: now };
  server.asleep = asleep;
  server.progress = afterScrape(server.progress, scrape, { awaitingFirstToken, isStalled }, now);
  const stalledMs = now - server.progress.noProgressSince;
  const moved = server.progress.movedAt > movedAt;
  if (!isStalled) {
    server.stalled = stalledMs >= stallAfterMs(server.progress, prefillMs, settings.stallTimeoutMs);
  } else if (moved || !scrape) {
    server.stalled = false;
  } else if (server.progress.noProgressSince === Infinity) {
    return allowTrial(server, circumstances);
  }
  if (asleep) return "its engine sleeps";
  if (server.stalled) {
    return `its engine is stalled: no progress for ${Math.round(stalledMs / 1000)} s`;
  }
  return slept ? "its engine is awake" : "its engine makes progress again";
}

/** Opens the breaker of a stalled engine without work: only a trial request can show progress. */
function allowTrial(server: Server, { now, random }: Circumstances): string {
  server.stalled = false;
  const { status } = server.health;
  if (status === "healthy" || status === "half-open") {
    server.health = openBreaker(server.health, { now, random }, "its engine was stalled");
  }
  return server.health.reason;
}

/** Drops the engine state after `/metrics` has been unreadable until the last scrape is stale. */
export function dropScrape(server: Server): string {
  server.asleep = false;
  server.stalled = false;
  return "its metrics can't be read";
}
