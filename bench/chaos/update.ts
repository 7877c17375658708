import type { Random } from "../../src/simulator/random.ts";
import type { Replacement } from "./kinds.ts";
import { ROUTERS, type RouterStrike } from "./peer_troubles.ts";
import type { Schedule, Span, Strike } from "./schedule.ts";

/** Everything that a rolling update replaces. */
export interface Update extends Pick<Schedule, "strikes" | "faultFree"> {
  readonly routerStrikes: readonly RouterStrike[];
  readonly to: number;
}

/** The ways in which vLLM ends on SIGTERM; by default, or with time to finish its requests. */
const TERMINATED: readonly Replacement["how"][] = ["abort", "error", "silence", "drain"];
/** In seconds: from one server's end to its successor's start, and to the next one's end. */
const DOWN_SECONDS = 0.8;
const NEXT_SECONDS = 2;
/** Routers restart in the midst of the servers' replacement. */
const ROUTERS_AFTER_SECONDS = 3;
const END_SECONDS = 6;

/**
 * Replaces all servers one after another, by SIGTERM, and then their successors by SIGKILL. Both
 * routers are restarted meanwhile in each of these rounds: the second one as soon as the first is
 * ready again.
 */
export function planUpdate(from: number, servers: number, random: Random): Update {
  const strikes: Strike[] = [];
  const routerStrikes: RouterStrike[] = [];
  const faultFree: (Span & { readonly server: number })[] = [];
  const since = new Map<number, number>();
  const first = Math.floor(TERMINATED.length * random());
  let at = from + 1;
  for (const round of [0, 1]) {
    for (let router = 0; router < ROUTERS; router++) {
      const start = at + ROUTERS_AFTER_SECONDS + router * 0.1;
      routerStrikes.push({ router, trouble: { kind: "restarted" }, from: start, to: start });
    }
    for (let index = 0; index < servers; index++) {
      const how = round === 1 ? "kill" : TERMINATED[(first + index) % TERMINATED.length]!;
      const server = round * servers + index;
      // Before its end, as of a pod that is deleted, or after it.
      const unlistedAfter = how === "kill" ? 0.5 : 0.5 * random();
      const to = at + DOWN_SECONDS;
      const trouble = { kind: "replaced", how, unlistedAfter } as const;
      strikes.push({ server, name: `replaced after ${how}`, trouble, from: at, to });
      faultFree.push({ server, from: since.get(server) ?? from, to: at });
      since.set(server + servers, to + NEXT_SECONDS);
      at += NEXT_SECONDS;
    }
  }
  const to = at + END_SECONDS;
  for (const [server, start] of since) {
    if (server >= 2 * servers) faultFree.push({ server, from: start, to });
  }
  return { strikes, routerStrikes, faultFree, to };
}
