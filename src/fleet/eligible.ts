import { isLastResort, slowStartLimit } from "./health/circuit_breaker.ts";
import { isRoutable, type Server, stateOf } from "./state/server.ts";
import { isMoving } from "./health/engine_stall.ts";

/** Why there is no server to choose. */
export type Refusal = "unknown_model" | "unavailable";

/** Servers to choose from, as they are. */
export type Servers = readonly Readonly<Server>[];

/** Servers that a request has met, and when it left each, in monotonic milliseconds. */
export type Tried = ReadonlyMap<Readonly<Server>, number>;

/**
 * The servers a request may go to: awake, at work, listing its model, not tried yet, and healthy,
 * or half-open with no other request trying it. Where there are none, in this order: servers in
 * their slow start that have their share, servers that rest, servers that requests took out and
 * that answer their checks, servers that were tried and have recovered since, servers that said
 * they shut down, and removed ones while new ones are still being checked.
 *
 * @param model `undefined` where any will do
 * @param now monotonic time in milliseconds
 */
export function eligible<S extends Readonly<Server>>(
  servers: readonly S[],
  model: string | undefined,
  tried: Tried,
  now: number,
): readonly S[] {
  const fits = (server: Readonly<Server>) =>
    !server.asleep && !server.stalled && hasModel(server, model, now);
  const isNew = (server: Readonly<Server>) => !tried.has(server);
  const stays = (server: Readonly<Server>) =>
    canTake(server, now) && !server.draining && !server.shuttingDown;
  // Nearly always there are some: they are found in one pass.
  const willing = servers.filter((server) =>
    isNew(server) && fits(server) && stays(server) && server.backpressureUntil <= now &&
    server.inFlight < slowStartLimit(server.health, server.config.capacity, now)
  );
  if (willing.length > 0) return willing;
  const asked = servers.filter(fits);
  const fresh = asked.filter(isNew);
  const staying = fresh.filter(stays);
  const ready = staying.filter(({ backpressureUntil }) => backpressureUntil <= now);
  if (ready.length > 0) return ready;
  const lastResort = fresh.filter(({ draining, health }) => !draining && isLastResort(health, now));
  if (lastResort.length > 0) return lastResort;
  if (staying.length > 0) return staying;
  const recovered = asked.filter((server) =>
    stays(server) && server.routableSince > (tried.get(server) ?? Infinity)
  );
  if (recovered.length > 0) return recovered;
  const leaving = fresh.filter((server) =>
    canTake(server, now) && (server.shuttingDown || server.draining && anyChecking(servers))
  );
  return leaving;
}

function hasModel(
  { models, denied }: Readonly<Server>,
  model: string | undefined,
  now: number,
): boolean {
  if (model === undefined) return models.size > 0;
  return models.has(model) && (denied.size === 0 || !(denied.get(model)! > now));
}

/** A half-open server that has not answered its trial by then may be tried by one more request. */
const TRIAL_MS = 5_000;

function canTake({ health, trialSince, progress }: Readonly<Server>, now: number): boolean {
  if (health.status !== "half-open") return health.status === "healthy";
  if (trialSince === undefined) return true;
  // A long answer keeps nobody else away, unless the engine shows nothing of it.
  const isAtWork = progress.stillSince === Infinity || isMoving(progress, trialSince);
  return now - trialSince >= TRIAL_MS && isAtWork;
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
