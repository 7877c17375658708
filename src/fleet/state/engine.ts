import type { Settings } from "../../config/config.ts";
import type { EngineName } from "../../config/engine_name.ts";
import type { EngineState } from "../lease.ts";
import { type Load, loadNow, type Scrape, trustedMs } from "../estimate/load.ts";
import type { Server } from "./server.ts";
import { isMoving } from "../health/engine_stall.ts";

// The current state of a server's engine. Times are monotonic, in milliseconds.

type Interval = Pick<Settings, "metricsIntervalMs">;

/** Returns a server's engine: the configured one, else the one it was recognised as. */
export function engineNameOf(server: Readonly<Server>): EngineName | undefined {
  return server.config.engine ?? server.recognised;
}

/** Whether a server understands what only vLLM does, such as a request for token ids. */
export function isVllm(server: Readonly<Server>): boolean {
  return engineNameOf(server) === "vllm";
}

/** Returns the last scrape unless it is stale or the server is unhealthy. */
export function freshScrape(
  { scrape, health }: Readonly<Server>,
  settings: Interval,
  now: number,
): Scrape | undefined {
  return health.status !== "unhealthy" && isFresh(scrape?.at, settings, now) ? scrape : undefined;
}

/** Returns a server's current load. Ignores a stale scrape. */
export function loadOf(server: Readonly<Server>, settings: Interval, now: number): Load {
  const known = server.inFlight + server.peersInFlight;
  return loadNow(known, server.config.capacity, freshScrape(server, settings, now));
}

/** Whether a page read at that time is still fresh. */
export function isFresh(
  readAt: number | undefined,
  { metricsIntervalMs }: Interval,
  now: number,
): boolean {
  return readAt !== undefined && now - readAt <= trustedMs(metricsIntervalMs);
}

/** Returns when an engine last moved, and since when it has been stalled or unreachable. */
export function engineOf(
  { health, progress, stalled, scrapedAt }: Readonly<Server>,
  settings: Interval,
  now: number,
): EngineState {
  const isGone = health.status === "unhealthy" && !isFresh(scrapedAt, settings, now);
  return {
    movedAt: progress.movedAt,
    noProgressSince: isGone ? scrapedAt ?? Infinity : stalled ? progress.noProgressSince : Infinity,
  };
}

/** Whether a server is full: it is in back-pressure or a fresh scrape shows a queue. */
export function isFull(server: Readonly<Server>, settings: Interval, now: number): boolean {
  return server.backpressureUntil > now || (freshScrape(server, settings, now)?.waiting ?? 0) > 0;
}

/**
 * Evicts the requests without a first token from an unhealthy or stalled server, so that they fail
 * over. Does nothing while its engine still makes progress, so that no prompt is computed twice.
 */
export function evict(server: Readonly<Server>, settings: Interval, now: number): void {
  const { health, progress, stalled, evictions } = server;
  const answersChecks = health.consecutiveCheckFailures === 0;
  const hasMoved = isMoving(progress, now - trustedMs(settings.metricsIntervalMs));
  if (answersChecks && !stalled && hasMoved) return;
  for (const leave of [...evictions]) leave();
}
