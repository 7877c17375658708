import { isLastResort, slowStartLimit } from "./breaker.ts";
import { isRoutable, type Server, stateOf } from "./server.ts";

/** Why there is no server to choose. */
export type Refusal = "unknown_model" | "unavailable";

/** Servers to choose from, as they are. */
export type Servers = readonly Readonly<Server>[];

/**
 * The servers a request may go to: awake, at work, listing its model, not tried yet, and healthy,
 * or half-open with no other request trying it. One that drains is among them only where nobody
 * else can and new ones are still being checked; one that has come back and has its share of the
 * slow start only where all others have; then those that requests took out and that answer their
 * checks; those that rest come last.
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
  const fits = (server: Readonly<Server>) =>
    !server.asleep && !server.stalled && !tried.has(server) &&
    (model === undefined || server.models.has(model));
  const stays = (server: Readonly<Server>) => canTake(server) && !server.draining;
  // Nearly always there are some: they are found in one pass.
  const willing = servers.filter((server) =>
    fits(server) && stays(server) && server.restsUntil <= now &&
    server.inFlight < slowStartLimit(server.health, server.config.capacity, now)
  );
  if (willing.length > 0) return willing;
  const asked = servers.filter(fits);
  const able = asked.filter(canTake);
  const staying = able.filter(stays);
  const rested = staying.filter(({ restsUntil }) => restsUntil <= now);
  if (rested.length > 0) return rested;
  const lastResort = asked.filter(({ draining, health }) => !draining && isLastResort(health, now));
  if (lastResort.length > 0) return lastResort;
  return staying.length === 0 && anyChecking(servers) ? able : staying;
}

function canTake({ health, trial }: Readonly<Server>): boolean {
  return health.status === "healthy" || (health.status === "half-open" && !trial);
}

/** Why none of these servers is eligible for a model. */
export function refusal(servers: Servers, model: string | undefined): Refusal {
  const remaining = servers.filter((server) => !server.draining);
  if (remaining.some(({ models }) => model === undefined || models.has(model))) {
    return "unavailable";
  }
  // A server that never listed its models may have any, and with all of them out "no such model"
  // would send people looking in the wrong place.
  const unlisted = remaining.some(({ models }) => models.size === 0);
  const allOut = remaining.every((server) => !isRoutable(stateOf(server)));
  return unlisted || allOut || anyChecking(servers) ? "unavailable" : "unknown_model";
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
