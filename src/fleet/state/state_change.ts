import { evict } from "./engine.ts";
import { handOver } from "./hand_over.ts";
import type { StateChange } from "./change.ts";
import { isRoutable, type Server, type ServerState, stateOf } from "./server.ts";
import type { Circumstances } from "./server_events.ts";

/**
 * Applies a change, which returns the reason for the new state. If the server becomes unhealthy or
 * stalled, evicts its requests without a first token.
 *
 * @returns the state change, `undefined` if the state stays the same
 */
export function makeChange(
  server: Server,
  change: (circumstances: Circumstances) => string,
  circumstances: Circumstances,
): StateChange | undefined {
  const { settings, now } = circumstances;
  const from = stateOf(server);
  const reason = change(circumstances);
  handOver(server, settings, now);
  const to = stateOf(server);
  if (from === to) return undefined;
  server.reason = reason;
  if (!isOut(from) || !isOut(to)) server.stateSince = now;
  if (isRoutable(to) && !isRoutable(from)) server.routableSince = now;
  if (to === "unhealthy" || to === "stalled") evict(server, settings, now);
  return { server: server.config, from, to, reason };
}

/** Between its trials, a server that fails them has been out all the time. */
const isOut = (state: ServerState) => state === "unhealthy" || state === "half-open";
