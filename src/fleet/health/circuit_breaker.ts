import type { Settings } from "../../config/config.ts";
import type { Health } from "./active_check.ts";
import { jittered } from "../../util/jitter.ts";
import type { AnswerCounts } from "./recent_answers.ts";

/** How long the breaker stays open, in milliseconds. Doubles after each failed trial. */
const FIRST_OPEN_MS = 2_000;
const LONGEST_OPEN_MS = 50_000;
/** Jitter of the open time, as a share, so that servers don't recover in lockstep. */
const JITTER = 0.2;
/** A server healthy for this long starts over with the shortest open time. */
const CALM_MS = 10_000;
/** If no other server is left, an open one is tried after this long. */
const LAST_RESORT_MS = 1_000;
/** Length of the slow start of a recovered server, whose caches are cold. */
const SLOW_START_MS = 10_000;

/** A request's outcome as input to the breaker. */
export interface Trial {
  /** It was the trial of a server that wasn't healthy. */
  readonly isTrial: boolean;
  /** Monotonic time in milliseconds. */
  readonly now: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The server's latest answers, including this one. @default only its consecutive failures */
  readonly recent?: Pick<AnswerCounts, "good" | "failed">;
  /** No connection could be made, so the request is not the cause. @default false */
  readonly unreachable?: boolean;
  /** Whether enough other servers are left. Called only if the breaker would open. @default yes */
  readonly mayOpen?: () => boolean;
  /** What the server did, human-readable. @default none */
  readonly what?: string | undefined;
}

/**
 * Returns the health after a request that the server answered or failed. Other outcomes don't
 * count.
 *
 * The breaker opens if at least `failureThreshold` of the latest answers failed, and at least as
 * many as succeeded. The server then gets no requests. A few failures among many good answers
 * don't open it. A server that still answers some requests stays in rotation if too few others are
 * left (Envoy's panic threshold). A server that refuses connections is ejected after
 * `failureThreshold` consecutive failures. Once it is half-open, one request at a time decides: a
 * good answer closes the breaker, a failure opens it for twice as long.
 */
export function afterRequest(
  health: Health,
  ok: boolean,
  settings: Pick<Settings, "failureThreshold">,
  trial: Trial,
): Health {
  const { status } = health;
  if (ok) {
    const isRecovering = status === "half-open" || isOpenAndAnswers(health);
    if (isRecovering && trial.isTrial) return closed(health, trial.now);
    return health.consecutiveRequestFailures === 0
      ? health
      : { ...health, consecutiveRequestFailures: 0 };
  }
  const inARow = health.consecutiveRequestFailures + 1;
  const next = { ...health, consecutiveRequestFailures: inARow };
  const detail = trial.what === undefined ? "" : `: ${trial.what}`;
  if (status === "half-open" && trial.isTrial) {
    return openBreaker(next, trial, `the request that tried it failed${detail}`);
  }
  if (status !== "healthy") return next;
  const { good = 0, failed = 0 } = trial.recent ?? {};
  const failures = Math.max(failed, inARow);
  if (failures < settings.failureThreshold) return next;
  const opens = trial.unreachable
    ? inARow >= settings.failureThreshold
    : failures >= good && (good === 0 || (trial.mayOpen?.() ?? true));
  if (!opens) return next;
  if (good > 0 && !trial.unreachable) {
    return openBreaker(next, trial, `${failures} of ${failures + good} requests failed${detail}`);
  }
  const row = inARow === 1 ? "a request failed" : `${inARow} requests failed in a row`;
  return openBreaker(next, trial, row + detail);
}

/**
 * Whether a server ejected by requests may be tried before its open time ends, if no other server
 * is left: it passes its checks and some time has passed.
 */
export function isLastResort(health: Health, now: number): boolean {
  return isOpenAndAnswers(health) && now - health.openedAt >= LAST_RESORT_MS;
}

/** Whether requests ejected it and its last check didn't fail. */
function isOpenAndAnswers({ status, openUntil, consecutiveCheckFailures }: Health): boolean {
  return status === "unhealthy" && openUntil > 0 && consecutiveCheckFailures === 0;
}

/**
 * Returns the in-flight limit of a recovered server while other servers are available. It grows
 * from 1 to the capacity over {@linkcode SLOW_START_MS}; after that there is no limit.
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

/** Opens the breaker: no requests until the open time is over and a check has passed. */
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
