import type { EngineState } from "./lease.ts";
import type { Scrape } from "./load.ts";
import { isRoutable, type Server, stateOf } from "./server.ts";
import { isMoving } from "./stall.ts";

type Servers = readonly Readonly<Server>[];

/**
 * Whether half of the servers of the same models are left in once a server is taken out. It is the
 * panic threshold, 50% as Envoy's: requests that break any server must not take out the fleet.
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

/** Whether checks speak against more than half of the servers where they do against this one. */
export function isFleetwideFailure(server: Readonly<Server>, servers: Servers): boolean {
  const all = servers.filter(({ draining }) => !draining);
  const failing = all.filter((other) => other === server || isFailingChecks(other));
  return 2 * failing.length > all.length;
}

function isFailingChecks({ health }: Readonly<Server>): boolean {
  return health.consecutiveCheckFailures > 0 ||
    (health.status === "unhealthy" && health.openUntil === 0);
}

/** What is known of a server's engine; `fresh` where its page was read a short while ago. */
export function engineOf(
  { health, progress, stalled, scrapedAt }: Readonly<Server>,
  fresh: boolean,
): EngineState {
  const isGone = !fresh && health.status === "unhealthy";
  return {
    movedAt: progress.movedAt,
    stillSince: isGone ? scrapedAt ?? Infinity : stalled ? progress.stillSince : Infinity,
  };
}

/**
 * Sends the requests that wait for a first token at a server that went out to others, unless its
 * engine is at work on them: nothing is computed twice.
 *
 * @param movedSince when the engine must have moved for that, in monotonic milliseconds
 */
export function evict(server: Readonly<Server>, movedSince: number): void {
  const { health, progress, stalled, evictions } = server;
  const answersChecks = health.consecutiveCheckFailures === 0;
  if (answersChecks && !stalled && isMoving(progress, movedSince)) return;
  for (const leave of [...evictions]) leave();
}

/** Whether a server is known to be full: it rests, or its page shows a queue. */
export function isFull(
  { restsUntil }: Readonly<Server>,
  scrape: Scrape | undefined,
  now: number,
): boolean {
  return restsUntil > now || (scrape !== undefined && scrape.waiting > 0);
}
