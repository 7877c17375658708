import type { Settings } from "../config/config.ts";
import type { Health } from "./health.ts";

/** How long the first failures keep a server out, in milliseconds; each time more, twice as long. */
const FIRST_OPEN_MS = 2_000;
const LONGEST_OPEN_MS = 60_000;
/** Share by which the time is shortened or lengthened, so that servers don't come back in step. */
const JITTER = 0.2;
/** A server that was well for so long starts anew with the shortest time. */
const CALM_MS = 60_000;
/** How long a server that came back is filled up slowly: its caches are cold. */
const SLOW_START_MS = 10_000;

/** What a request that ended was to the server's breaker. */
export interface Trial {
  /** It was sent to prove a half-open server. */
  readonly isTrial: boolean;
  /** Clock time in milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/**
 * Health after a request that the server answered well or failed; other outcomes don't count.
 * Enough failures in a row open the breaker: no request goes there. Where time and a check have
 * made it half-open, one request at a time decides: a good answer closes it, a failure opens it
 * for twice as long as before.
 */
export function afterRequest(
  health: Health,
  ok: boolean,
  settings: Settings,
  trial: Trial,
): Health {
  const proves = trial.isTrial && health.status === "half-open";
  if (ok) {
    if (proves) return closed(health, trial.now);
    return health.consecutiveRequestFailures === 0
      ? health
      : { ...health, consecutiveRequestFailures: 0 };
  }
  const failures = health.consecutiveRequestFailures + 1;
  const next = { ...health, consecutiveRequestFailures: failures };
  if (proves) return opened(next, trial, "the request that tried it failed");
  if (health.status !== "healthy" || failures < settings.failureThreshold) return next;
  const reason = failures === 1 ? "a request failed" : `${failures} requests failed in a row`;
  return opened(next, trial, reason);
}

/**
 * Requests in flight above which a server that came back gets no more while others can: grows
 * from 1 to its capacity over {@linkcode SLOW_START_MS}, then without limit.
 */
export function slowStartLimit({ recoveredAt }: Health, capacity: number, now: number): number {
  const share = recoveredAt === 0 ? 1 : (now - recoveredAt) / SLOW_START_MS;
  return share >= 1 ? Infinity : Math.max(1, Math.ceil(share * capacity));
}

function closed(health: Health, now: number): Health {
  return {
    ...health,
    status: "healthy",
    consecutiveRequestFailures: 0,
    openUntil: 0,
    recoveredAt: now,
    reason: "a request succeeded",
  };
}

function opened(health: Health, { now, random }: Trial, reason: string): Health {
  const calm = health.status === "healthy" && now - health.recoveredAt > CALM_MS;
  const opened = calm ? 1 : health.opened + 1;
  const ms = Math.min(LONGEST_OPEN_MS, FIRST_OPEN_MS * 2 ** (opened - 1));
  const openUntil = now + ms * (1 - JITTER + 2 * JITTER * random());
  return { ...health, status: "unhealthy", opened, openUntil, reason };
}
