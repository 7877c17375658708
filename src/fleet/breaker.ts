import type { Settings } from "../config/config.ts";
import type { Health } from "./health.ts";
import { jittered } from "./jitter.ts";

/** How long failures keep a server out, in milliseconds; twice as long after each failed trial. */
const FIRST_OPEN_MS = 2_000;
const LONGEST_OPEN_MS = 50_000;
/** Share by which the time is shortened or lengthened, so that servers don't come back in step. */
const JITTER = 0.2;
/** A server that was well for so long starts anew with the shortest time. */
const CALM_MS = 10_000;
/** Where nobody else is left, an open server is tried after so long. */
const LAST_RESORT_MS = 1_000;
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
  const { status } = health;
  if (ok) {
    const proves = status === "half-open" || isOpenAndAnswers(health);
    if (proves && trial.isTrial) return closed(health, trial.now);
    return health.consecutiveRequestFailures === 0
      ? health
      : { ...health, consecutiveRequestFailures: 0 };
  }
  const failures = health.consecutiveRequestFailures + 1;
  const next = { ...health, consecutiveRequestFailures: failures };
  if (status === "half-open" && trial.isTrial) {
    return opened(next, trial, "the request that tried it failed");
  }
  if (status !== "healthy" || failures < settings.failureThreshold) return next;
  const reason = failures === 1 ? "a request failed" : `${failures} requests failed in a row`;
  return opened(next, trial, reason);
}

/**
 * Whether a server that requests took out may be tried before its time, since nobody else is left:
 * it answers its checks, and some time has passed.
 */
export function isLastResort(health: Health, now: number): boolean {
  return isOpenAndAnswers(health) && now - health.openedAt >= LAST_RESORT_MS;
}

/** Requests took it out, and no check has failed since the last that passed. */
function isOpenAndAnswers({ status, openUntil, consecutiveCheckFailures }: Health): boolean {
  return status === "unhealthy" && openUntil > 0 && consecutiveCheckFailures === 0;
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
  const calm = now - health.recoveredAt > CALM_MS;
  const opened = health.status === "half-open"
    ? health.opened + 1
    : calm
    ? 1
    : Math.max(1, health.opened);
  const ms = Math.min(LONGEST_OPEN_MS, FIRST_OPEN_MS * 2 ** (opened - 1));
  const openUntil = now + jittered(ms, JITTER, random);
  return { ...health, status: "unhealthy", opened, openedAt: now, openUntil, reason };
}
