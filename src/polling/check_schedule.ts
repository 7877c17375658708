import type { Settings } from "../config/config.ts";
import type { Server } from "../fleet/state/server.ts";

/** Between two checks of an unhealthy server, whatever the intervals are. */
const RECOVERY_CHECK_MS = 2_000;
/** Waits vary by a tenth: a check that comes so early is in time. */
const DUE_SHARE = 0.9;

/**
 * Whether it is time to check a server: at the configured interval, and more often while it is out.
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
    // A server whose models nobody knows is of no use, healthy or not.
    if (status !== "unhealthy") return models.size === 0;
    return now - (lastFailureAt ?? -Infinity) >= autoRecoveryMs;
  }
  if (status === "unhealthy") {
    return sinceCheckMs >= DUE_SHARE * Math.min(RECOVERY_CHECK_MS, healthCheckIntervalMs);
  }
  return sinceCheckMs >= DUE_SHARE * healthCheckIntervalMs;
}
