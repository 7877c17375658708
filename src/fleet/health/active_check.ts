import type { Settings } from "../../config/config.ts";

/** One active check of a server. */
export interface Check {
  /** It got a good answer in time. */
  readonly ok: boolean;
  /** Response time in milliseconds. */
  readonly responseMs: number;
  /** Why it failed, human-readable. */
  readonly failure?: string;
  /** The connection was refused. */
  readonly refused?: boolean;
  /** It timed out. */
  readonly isSlow?: boolean;
}

/** Evidence from requests that can overrule a failed check (issue 13). */
export interface Evidence {
  /** A request got a good answer since the previous check. */
  readonly answers: boolean;
  /** Whether, counting this server, checks alone would eject more than half of the fleet. */
  readonly isFleetwide: () => boolean;
}

const NO_EVIDENCE: Evidence = { answers: false, isFleetwide: () => false };

/** A server's health and the evidence for it. */
export interface Health {
  /** `checking` until the first check ends; `half-open` until a trial request succeeds. */
  readonly status: "checking" | "healthy" | "half-open" | "unhealthy";
  /** The latest checks, oldest first, at most `healthCheckWindowSize`. */
  readonly window: readonly Check[];
  /** Checks since the server was added. */
  readonly totalChecks: number;
  /** Consecutive failed checks. */
  readonly consecutiveCheckFailures: number;
  /** Consecutive failed requests. */
  readonly consecutiveRequestFailures: number;
  /** Monotonic time in milliseconds until which the breaker is open; 0 if it is closed. */
  readonly openUntil: number;
  /** Monotonic time in milliseconds at which the breaker last opened; 0 if never. */
  readonly openedAt: number;
  /** Ejections by requests in short succession. Each doubles the open time. */
  readonly opened: number;
  /** Monotonic time in milliseconds at which it last recovered; 0 if never ejected. */
  readonly recoveredAt: number;
  /** Why it has this status, human-readable. */
  readonly reason: string;
}

/** Health of a server that hasn't been checked. */
export const UNCHECKED: Health = {
  status: "checking",
  window: [],
  totalChecks: 0,
  consecutiveCheckFailures: 0,
  consecutiveRequestFailures: 0,
  openUntil: 0,
  openedAt: 0,
  opened: 0,
  recoveredAt: 0,
  reason: "not checked yet",
};

/**
 * Returns the health after an active check. A server ejected by checks recovers with one good
 * check. A server ejected by requests becomes `half-open` with a good check once its open time has
 * passed. A failed check ejects a server if it is the `healthCheckConsecutiveFailures`th in a row,
 * if a full window has too few successes, or at once if the server was not known to be healthy. A
 * server whose mean response time over the window is too long is unhealthy too.
 *
 * Requests overrule a failed check unless the connection was refused: a healthy server stays in
 * rotation if its requests succeed, or if slow checks would eject more than half of the fleet. An
 * ejected server then becomes half-open, so that requests decide.
 *
 * @param now monotonic time in milliseconds
 */
export function afterCheck(
  health: Health,
  check: Check,
  settings: Settings,
  now: number,
  evidence: Evidence = NO_EVIDENCE,
): Health {
  const inTime = check.responseMs <= settings.healthCheckMaxResponseMs;
  const totalChecks = health.totalChecks + 1;
  if (check.ok && inTime && health.status !== "healthy") {
    return { ...health, ...backAfter(health, now), window: [check], totalChecks };
  }
  if (!(check.ok && inTime) && !check.refused) {
    const overruled = overrule(health, check, evidence, now);
    const consecutiveCheckFailures = health.consecutiveCheckFailures + 1;
    if (overruled) return { ...health, ...overruled, totalChecks, consecutiveCheckFailures };
  }
  const window = [...health.window, check].slice(
    -settings.healthCheckWindowSize,
  );
  const consecutiveCheckFailures = check.ok ? 0 : health.consecutiveCheckFailures + 1;
  const next = { ...health, window, totalChecks, consecutiveCheckFailures };
  const reason = faultIn(next, settings, check);
  if (health.status === "healthy") {
    return reason ? { ...next, status: "unhealthy", reason } : next;
  }
  return {
    ...next,
    status: "unhealthy",
    reason: reason ?? (check.ok ? tooSlow(check.responseMs) : `check failed${because(check)}`),
  };
}

/** Returns the changes a good check makes to a server that is not healthy. */
function backAfter(
  { status, openUntil, reason, recoveredAt }: Health,
  now: number,
): Partial<Health> {
  const consecutiveCheckFailures = 0;
  if (openUntil > now) return { consecutiveCheckFailures, reason };
  if (openUntil > 0) {
    return {
      status: "half-open",
      consecutiveCheckFailures,
      reason: "check passed; one request at a time until one succeeds",
    };
  }
  return {
    status: "healthy",
    consecutiveCheckFailures,
    consecutiveRequestFailures: 0,
    recoveredAt: status === "checking" ? recoveredAt : now,
    reason: "check passed",
  };
}

/** Returns the health if requests overrule a bad check; `undefined` if the check stands. */
function overrule(
  { status, openUntil, reason }: Health,
  check: Check,
  { answers, isFleetwide }: Evidence,
  now: number,
): Partial<Health> | undefined {
  // A slow page says little. A page with 503 counts unless requests succeed.
  const isInconclusive = check.ok || check.isSlow === true;
  if (!answers && !(isInconclusive && isFleetwide())) return undefined;
  if (status === "healthy" || status === "half-open") return { status, reason };
  if (openUntil > now) return undefined;
  const why = answers ? "requests succeed" : "they fail on most servers, so requests decide";
  return { status: "half-open", reason: `checks fail${because(check)}; ${why}` };
}

/** Share of successful checks in the window, 0 to 1; 1 before the first. */
export function successRate({ window }: Health): number {
  return window.length === 0 ? 1 : window.filter((check) => check.ok).length / window.length;
}

/** Mean response time over the window, in milliseconds; 0 before the first. */
export function meanResponseMs({ window }: Health): number {
  return window.reduce((sum, check) => sum + check.responseMs, 0) /
    (window.length || 1);
}

function faultIn(health: Health, settings: Settings, last: Check): string | undefined {
  if (
    health.consecutiveCheckFailures >= settings.healthCheckConsecutiveFailures
  ) {
    return `${health.consecutiveCheckFailures} checks failed in a row${because(last)}`;
  }
  const rate = successRate(health);
  if (
    health.window.length === settings.healthCheckWindowSize &&
    rate < settings.healthCheckMinSuccessRate
  ) {
    return `${Math.round(rate * 100)}% of checks succeeded${because(last)}`;
  }
  const mean = meanResponseMs(health);
  return mean > settings.healthCheckMaxResponseMs ? tooSlow(mean) : undefined;
}

function because({ failure }: Check): string {
  return failure === undefined ? "" : `: ${failure}`;
}

const tooSlow = (ms: number) => `checks take ${(ms / 1000).toFixed(1)} s`;
