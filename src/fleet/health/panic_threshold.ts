import { isRoutable, type Server, stateOf } from "../state/server.ts";

type Servers = readonly Readonly<Server>[];

/**
 * Whether at least half of the servers that share a model stay in rotation if this one is ejected.
 * This is the panic threshold, 50% as in Envoy: requests that break any server must not eject the
 * whole fleet.
 */
export function leavesEnough(server: Readonly<Server>, servers: Servers): boolean {
  const peers = servers.filter((other) => !other.draining && sharesModel(server, other));
  const left = peers.filter((other) => other !== server && isRoutable(stateOf(other)));
  return 2 * left.length >= peers.length;
}

function sharesModel(a: Readonly<Server>, b: Readonly<Server>): boolean {
  if (a === b) return true;
  for (const model of a.models.keys()) if (b.models.has(model)) return true;
  return false;
}

/** Whether, counting this server, more than half of the fleet fails its checks. */
export function isFleetwideFailure(server: Readonly<Server>, servers: Servers): boolean {
  const all = servers.filter(({ draining }) => !draining);
  const failing = all.filter((other) => other === server || isFailingChecks(other));
  return 2 * failing.length > all.length;
}

function isFailingChecks({ health }: Readonly<Server>): boolean {
  return health.consecutiveCheckFailures > 0 ||
    (health.status === "unhealthy" && health.openUntil === 0);
}
