import type { Fleet } from "./fleet/fleet.ts";
import type { Listener } from "./http/listener.ts";
import { logCutOff, logStopping } from "./monitor/log_stop.ts";
import { pause } from "./util/interval.ts";

/** A running router. Each controller is aborted when its phase of the drain begins. */
export interface Draining {
  readonly main: Listener;
  readonly fleet: Fleet;
  /** Reports not ready, and still takes requests. */
  readonly stopping: AbortController;
  /** Takes no more requests, and aborts those that are still in flight. */
  readonly cutOff: AbortController;
}

/**
 * Ends the service to clients. Settles when no request is in flight.
 *
 * @param drainMs skips the first phase, and begins the last one after this time. @default
 * `drain_timeout`
 */
export async function drain(
  { main, fleet, stopping, cutOff }: Draining,
  drainMs?: number,
): Promise<void> {
  stopping.abort();
  const { drainDelayMs, drainTimeoutMs } = fleet.settings;
  const inFlight = () => fleet.servers.reduce((sum, server) => sum + server.inFlight, 0);
  logStopping(inFlight(), drainMs ?? drainDelayMs + drainTimeoutMs);
  if (drainMs === undefined) {
    await Promise.all([main.askToClose(), pause(drainDelayMs, cutOff.signal)]);
  }
  await main.drain(drainMs ?? drainTimeoutMs, () => {
    if (inFlight() > 0) logCutOff(inFlight());
    cutOff.abort();
  });
}
