import { type Server, stateOf } from "./server.ts";

/** Why there is no server to choose. */
export type Refusal = "unknown_model" | "unavailable";

/** Servers to choose from, as they are. */
export type Servers = readonly Readonly<Server>[];

/**
 * The servers a request may go to: awake, healthy, listing its model, not tried yet. One that
 * drains is among them only where nobody else can and new ones are still being checked; one that
 * rests only where all others do.
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
    server.health.status === "healthy" && !server.asleep && !tried.has(server) &&
    (model === undefined || server.models.has(model))
  );
  const staying = able.filter((server) => !server.draining);
  const willing = staying.filter((server) => server.restsUntil <= now);
  if (willing.length > 0) return willing;
  return staying.length === 0 && anyChecking(servers) ? able : staying;
}

/** Why none of these servers is eligible for a model. */
export function refusal(servers: Servers, model: string | undefined): Refusal {
  const remaining = servers.filter((server) => !server.draining);
  if (remaining.some(({ models }) => model === undefined || models.has(model))) {
    return "unavailable";
  }
  // Before a server has listed its models it may have any, and with all of them out "no such
  // model" would send people looking in the wrong place.
  const healthy = remaining.filter((server) => stateOf(server) === "healthy");
  const unlisted = healthy.some(({ models }) => models.size === 0);
  return healthy.length === 0 || unlisted || anyChecking(servers) ? "unavailable" : "unknown_model";
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
