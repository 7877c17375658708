import type { Settings } from "../../config/config.ts";

/** One active check of a server. */
export interface Check {
  /** It was answered well and in time. */
  readonly ok: boolean;
  /** How long the answer took. */
  readonly responseMs: number;
  /** Why it failed, for people. */
  readonly failure?: string;
  /** No connection could be made: nobody is there. */
  readonly refused?: boolean;
  /** Nothing came in time. */
  readonly isSlow?: boolean;
}

/** What requests say where checks speak against a server (issue 13). */
export interface Evidence {
  /** A request was answered well since the check before. */
  readonly answers: boolean;
  /** With this server, checks alone would take out more than half of the fleet. */
  readonly isFleetwide: boolean;
}

const NO_EVIDENCE: Evidence = { answers: false, isFleetwide: false };

/** What is believed of a server's health, and what that belief rests on. */
export interface Health {
  /** `checking` until the first check has ended; `half-open` while a request has to prove it. */
  readonly status: "checking" | "healthy" | "half-open" | "unhealthy";
  /** The latest checks, oldest first, at most `healthCheckWindowSize`. */
  readonly window: readonly Check[];
  /** Checks since the server was first met. */
  readonly totalChecks: number;
  /** Checks that failed since the last that passed. */
  readonly consecutiveCheckFailures: number;
  /** Requests that failed since the last that was answered. */
  readonly consecutiveRequestFailures: number;
  /** Monotonic time in milliseconds until which no request goes there; 0 if none took it out. */
  readonly openUntil: number;
  /** Monotonic time in milliseconds at which requests last took it out; 0 if none did. */
  readonly openedAt: number;
  /** How often in short order requests took it out: each time it stays out longer. */
  readonly opened: number;
  /** Monotonic time in milliseconds at which it last came back; 0 if it never was out. */
  readonly recoveredAt: number;
  /** Why the status is what it is, for people. */
  readonly reason: string;
}

/** Health of a server nothing is known of yet. */
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
 * Health after an active check. One good check brings back a server that its checks took out; one
 * that requests took out is `half-open` after a good check, and not before its time. A failed
 * check takes a server out when it is the `healthCheckConsecutiveFailures`th in a row, when a full
 * window has too few successes, or at once if the server was not known to be healthy. A server
 * whose mean answer over the window is too slow is unhealthy as well.
 *
 * Requests overrule a check that fails, unless nobody is there: a healthy server stays in where its
 * requests go well, and where checks that are too slow would take out more than half of the fleet.
 * One that is out is then half-open, so that requests decide.
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

/** What a good check makes of a server that is not healthy. */
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

/** What requests make of a check that speaks against a server; `undefined` where it stands. */
function overrule(
  { status, openUntil, reason }: Health,
  check: Check,
  { answers, isFleetwide }: Evidence,
  now: number,
): Partial<Health> | undefined {
  // A page that comes late says little; one that says 503 is believed, unless requests go well.
  const saysLittle = check.ok || check.isSlow === true;
  if (!answers && !(isFleetwide && saysLittle)) return undefined;
  if (status === "healthy" || status === "half-open") return { status, reason };
  if (openUntil > now) return undefined;
  const why = answers ? "requests go well" : "they fail on most servers, so requests decide";
  return { status: "half-open", reason: `checks fail${because(check)}; ${why}` };
}

/** Share of successful checks in the window, 0 to 1; 1 before the first. */
export function successRate({ window }: Health): number {
  return window.length === 0 ? 1 : window.filter((check) => check.ok).length / window.length;
}

/** Mean answer time over the window, in milliseconds; 0 before the first. */
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
