import type { Settings } from "../../config/config.ts";
import type { EngineState } from "../lease.ts";
import { type Load, loadNow, type Scrape, trustedMs } from "../estimate/load.ts";
import type { Server } from "./server.ts";
import { isMoving } from "../health/engine_stall.ts";

// What is known of a server's engine now. Times are monotonic, in milliseconds.

type Interval = Pick<Settings, "metricsIntervalMs">;

/** The last scrape, as long as it says something about now. */
export function freshScrape(
  { scrape, health }: Readonly<Server>,
  settings: Interval,
  now: number,
): Scrape | undefined {
  return health.status !== "unhealthy" && isFresh(scrape?.at, settings, now) ? scrape : undefined;
}

/** Load of a server now. A scrape that is too old to trust counts as none. */
export function loadOf(server: Readonly<Server>, settings: Interval, now: number): Load {
  return loadNow(server.inFlight, server.config.capacity, freshScrape(server, settings, now));
}

/** Whether a page that was read then says something about now. */
export function isFresh(
  readAt: number | undefined,
  { metricsIntervalMs }: Interval,
  now: number,
): boolean {
  return readAt !== undefined && now - readAt <= trustedMs(metricsIntervalMs);
}

/** When an engine moved, and since when it has been known to stand still. */
export function engineOf(
  { health, progress, stalled, scrapedAt }: Readonly<Server>,
  settings: Interval,
  now: number,
): EngineState {
  const isGone = health.status === "unhealthy" && !isFresh(scrapedAt, settings, now);
  return {
    movedAt: progress.movedAt,
    stillSince: isGone ? scrapedAt ?? Infinity : stalled ? progress.stillSince : Infinity,
  };
}

/** Whether a server is known to be full: it rests, or its page shows a queue. */
export function isFull(server: Readonly<Server>, settings: Interval, now: number): boolean {
  return server.backpressureUntil > now || (freshScrape(server, settings, now)?.waiting ?? 0) > 0;
}

/**
 * Sends the requests that wait for a first token at a server that went out to others, unless its
 * engine is at work on them: nothing is computed twice.
 */
export function evict(server: Readonly<Server>, settings: Interval, now: number): void {
  const { health, progress, stalled, evictions } = server;
  const answersChecks = health.consecutiveCheckFailures === 0;
  const hasMoved = isMoving(progress, now - trustedMs(settings.metricsIntervalMs));
  if (answersChecks && !stalled && hasMoved) return;
  for (const leave of [...evictions]) leave();
}
