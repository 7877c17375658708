import { evict } from "./engine.ts";
import { isRoutable, type Server, type StateChange, stateOf } from "./server.ts";
import type { Circumstances } from "./server_events.ts";

/**
 * Makes a change that tells why the server is as it is then. Where that moved it out of the
 * fleet, requests that wait there for a first token leave it.
 *
 * @returns how its state changed, `undefined` where it didn't
 */
export function makeChange(
  server: Server,
  change: (circumstances: Circumstances) => string,
  circumstances: Circumstances,
): StateChange | undefined {
  const { settings, now } = circumstances;
  const from = stateOf(server);
  const reason = change(circumstances);
  const to = stateOf(server);
  if (from === to) return undefined;
  server.reason = reason;
  if (isRoutable(to) && !isRoutable(from)) server.routableSince = now;
  if (to === "unhealthy" || to === "stalled") evict(server, settings, now);
  return { server: server.config, from, to, reason };
}
