import type { Settings } from "../../config/config.ts";
import type { Health } from "./active_check.ts";
import { jittered } from "../../util/jitter.ts";
import type { AnswerCounts } from "./recent_answers.ts";

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

/** A request's outcome as the breaker sees it. */
export interface Trial {
  /** It was sent to prove a half-open server. */
  readonly isTrial: boolean;
  /** Monotonic time in milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The server's latest answers, this one included. @default none but its failures in a row */
  readonly recent?: Pick<AnswerCounts, "good" | "failed">;
  /** No connection could be made, which no request can cause. @default false */
  readonly unreachable?: boolean;
  /** Whether enough other servers are left. Asked only where the breaker would open. @default yes */
  readonly mayOpen?: () => boolean;
  /** What the server did, for people. @default not told */
  readonly what?: string | undefined;
}

/**
 * Health after a request that the server answered well or failed; other outcomes don't count.
 *
 * The breaker opens where `failureThreshold` of the latest answers failed and at least as many as
 * went well: no request goes there. A few bad answers among many good ones don't open it, and a
 * server that still answers some requests well stays in where too few others are left (Envoy's
 * panic threshold). A server that refuses connections is out after `failureThreshold` failures in
 * a row. Where time and a check have made it half-open, one request at a time decides: a good
 * answer closes the breaker, a failure opens it for twice as long as before.
 */
export function afterRequest(
  health: Health,
  ok: boolean,
  settings: Pick<Settings, "failureThreshold">,
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
  const inARow = health.consecutiveRequestFailures + 1;
  const next = { ...health, consecutiveRequestFailures: inARow };
  const told = trial.what === undefined ? "" : `: ${trial.what}`;
  if (status === "half-open" && trial.isTrial) {
    return openBreaker(next, trial, `the request that tried it failed${told}`);
  }
  if (status !== "healthy") return next;
  const { good = 0, failed = 0 } = trial.recent ?? {};
  const failures = Math.max(failed, inARow);
  if (failures < settings.failureThreshold) return next;
  const isOut = trial.unreachable
    ? inARow >= settings.failureThreshold
    : failures >= good && (good === 0 || (trial.mayOpen?.() ?? true));
  if (!isOut) return next;
  if (good > 0 && !trial.unreachable) {
    return openBreaker(next, trial, `${failures} of ${failures + good} requests failed${told}`);
  }
  const row = inARow === 1 ? "a request failed" : `${inARow} requests failed in a row`;
  return openBreaker(next, trial, row + told);
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

/** Health of a server to which no request goes until its time is over and a check has passed. */
export function openBreaker(
  health: Health,
  { now, random }: Pick<Trial, "now" | "random">,
  reason: string,
): Health {
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
