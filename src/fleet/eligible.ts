import { slowStartLimit } from "./breaker.ts";
import { isRoutable, type Server, stateOf } from "./server.ts";

/** Why there is no server to choose. */
export type Refusal = "unknown_model" | "unavailable";

/** Servers to choose from, as they are. */
export type Servers = readonly Readonly<Server>[];

/**
 * The servers a request may go to: awake, at work, listing its model, not tried yet, and healthy,
 * or half-open with no other request trying it. One that drains is among them only where nobody
 * else can and new ones are still being checked; one that rests, or has come back and has its
 * share of the slow start, only where all others do.
 *
 * @param model `undefined` where any will do
 * @param now clock time in milliseconds
 */
export function eligible<S extends Readonly<Server>>(
  servers: readonly S[],
  model: string | undefined,
  tried: ReadonlySet<Readonly<Server>>,
  now: number,
): readonly S[] {
  const able = servers.filter((server) =>
    canTake(server) && !tried.has(server) &&
    (model === undefined || server.models.has(model))
  );
  const staying = able.filter((server) => !server.draining);
  const willing = staying.filter(({ restsUntil, inFlight, health, config }) =>
    restsUntil <= now && inFlight < slowStartLimit(health, config.capacity, now)
  );
  if (willing.length > 0) return willing;
  return staying.length === 0 && anyChecking(servers) ? able : staying;
}

function canTake({ health, asleep, stalled, trial }: Readonly<Server>): boolean {
  const open = health.status === "healthy" || (health.status === "half-open" && !trial);
  return open && !asleep && !stalled;
}

/** Why none of these servers is eligible for a model. */
export function refusal(servers: Servers, model: string | undefined): Refusal {
  const remaining = servers.filter((server) => !server.draining);
  if (remaining.some(({ models }) => model === undefined || models.has(model))) {
    return "unavailable";
  }
  // Before a server has listed its models it may have any, and with all of them out "no such
  // model" would send people looking in the wrong place.
  const able = remaining.filter((server) => isRoutable(stateOf(server)));
  const unlisted = able.some(({ models }) => models.size === 0);
  return able.length === 0 || unlisted || anyChecking(servers) ? "unavailable" : "unknown_model";
}

/** Without removed servers that have nothing left to do and that nobody may need any more. */
export function withoutDrained<S extends Readonly<Server>>(servers: readonly S[]): readonly S[] {
  const drained = servers.some((server) => server.draining && server.inFlight === 0);
  if (!drained || anyChecking(servers)) return servers;
  return servers.filter((server) => !server.draining || server.inFlight > 0);
}

function anyChecking(servers: Servers): boolean {
  return servers.some((server) => stateOf(server) === "checking");
}
