import type { Settings } from "../config/config.ts";
import type { Server } from "../fleet/state/server.ts";

/** Interval between checks of an unhealthy server, unless the configured one is shorter. */
const RECOVERY_CHECK_MS = 2_000;
/** Waits have 10% jitter, so a check this early counts as due. */
const DUE_SHARE = 0.9;

/**
 * Whether a check is due: at the configured interval, and more often while a server is unhealthy.
 *
 * @param now monotonic time in milliseconds
 */
export function isDueForCheck(
  { health: { status }, models, lastCheckAt, lastFailureAt }: Readonly<Server>,
  { activeHealthCheck, autoRecoveryMs, healthCheckIntervalMs }: Settings,
  now: number,
): boolean {
  const sinceCheckMs = now - (lastCheckAt ?? -Infinity);
  if (status === "checking") return true;
  if (!activeHealthCheck) {
    // A server without a known model list is of no use, even if healthy.
    if (status !== "unhealthy") return models.size === 0;
    return now - (lastFailureAt ?? -Infinity) >= autoRecoveryMs;
  }
  if (status === "unhealthy") {
    return sinceCheckMs >= DUE_SHARE * Math.min(RECOVERY_CHECK_MS, healthCheckIntervalMs);
  }
  return sinceCheckMs >= DUE_SHARE * healthCheckIntervalMs;
}
