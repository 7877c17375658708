import { isLastResort, slowStartLimit } from "./health/circuit_breaker.ts";
import { isLastToServe, isLeaving } from "./state/hand_over.ts";
import { isRoutable, type Server, stateOf } from "./state/server.ts";
import { isMoving } from "./health/engine_stall.ts";

/** Why no server is eligible. */
export type Refusal = "unknown_model" | "unavailable";

/** The servers to choose from. */
export type Servers = readonly Readonly<Server>[];

/** Servers a request has already tried, and when it left each, in monotonic milliseconds. */
export type Tried = ReadonlyMap<Readonly<Server>, number>;

/**
 * Returns the servers a request may go to: awake, not stalled, listing its model, not yet tried,
 * and either healthy or half-open without another trial in progress. If there are none, falls back
 * in this order: servers at their slow-start limit, servers ejected by requests that pass their
 * checks, servers in back-pressure, servers already tried that have recovered since, and last
 * servers that are terminating but still serve, or are shutting down, together with those that were
 * removed or drained by their source while new ones are being checked. A server that an operator
 * drains is never among these.
 *
 * @param model `undefined` if any model will do
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
  const stays = (server: Readonly<Server>) => canTake(server, now) && !isLeaving(server);
  // The usual case takes one pass.
  const willing = servers.filter((server) =>
    isNew(server) && fits(server) && stays(server) && server.backpressureUntil <= now &&
    server.inFlight < slowStartLimit(server.health, server.config.capacity, now)
  );
  if (willing.length > 0) return willing;
  const fitting = servers.filter(fits);
  const fresh = fitting.filter(isNew);
  const staying = fresh.filter(stays);
  const ready = staying.filter(({ backpressureUntil }) => backpressureUntil <= now);
  if (ready.length > 0) return ready;
  const lastResort = fresh.filter(({ draining, drained, config, health }) =>
    !draining && !drained && !config.draining && isLastResort(health, now)
  );
  if (lastResort.length > 0) return lastResort;
  if (staying.length > 0) return staying;
  const recovered = fitting.filter((server) =>
    stays(server) && server.routableSince > (tried.get(server) ?? Infinity)
  );
  if (recovered.length > 0) return recovered;
  const leaving = fresh.filter((server) => {
    if (server.drained || !canTake(server, now)) return false;
    const isReplaced = server.draining || server.config.draining;
    return server.shuttingDown || isLastToServe(server) || isReplaced && anyChecking(servers);
  });
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

/** A half-open server that has not answered its trial after this long may get another one. */
const TRIAL_MS = 5_000;

function canTake({ health, trialSince, progress }: Readonly<Server>, now: number): boolean {
  if (health.status !== "half-open") return health.status === "healthy";
  if (trialSince === undefined) return true;
  // A long answer doesn't block further trials, unless the engine shows no progress.
  const isAtWork = progress.noProgressSince === Infinity || isMoving(progress, trialSince);
  return now - trialSince >= TRIAL_MS && isAtWork;
}

/** Returns why none of these servers is eligible for a model. */
export function refusal(servers: Servers, model: string | undefined): Refusal {
  const remaining = servers.filter((server) => !server.draining);
  if (remaining.some(({ models }) => model === undefined || models.has(model))) {
    return "unavailable";
  }
  // A server that never listed its models may have this one, and if all servers are down,
  // "no such model" would mislead the operator.
  const unlisted = remaining.some(({ models }) => models.size === 0);
  const allOut = remaining.every((server) => !isRoutable(stateOf(server)));
  return unlisted || allOut || anyChecking(servers) ? "unavailable" : "unknown_model";
}

/**
 * Drops removed servers that have nothing in flight, unless they may still be needed: while a server
 * is being checked that was already there when they were removed. Servers added later don't count,
 * since in a fleet that changes all the time some server is always being checked. Returns the same
 * array if it drops none.
 */
export function withoutDrained<S extends Readonly<Server>>(servers: readonly S[]): readonly S[] {
  if (!servers.some((server) => server.draining && server.inFlight === 0)) return servers;
  const checkedSince = servers.reduce(
    (first, server) => stateOf(server) === "checking" ? Math.min(first, server.stateSince) : first,
    Infinity,
  );
  const kept = servers.filter((server) =>
    !server.draining || server.inFlight > 0 || checkedSince <= server.removedAt!
  );
  return kept.length === servers.length ? servers : kept;
}

function anyChecking(servers: Servers): boolean {
  return servers.some((server) => stateOf(server) === "checking");
}
