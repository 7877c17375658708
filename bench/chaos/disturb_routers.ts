import type { Disturbance } from "../support/path.ts";
import { sleep } from "../support/processes.ts";
import { createLiar, type Liar, speakAnotherVersion } from "./liar.ts";
import type { RouterStrike, RouterTrouble } from "./peer_troubles.ts";
import type { RouterLog } from "./router_log.ts";
import { arePeers, type Member, PEER_KEY, type Routers } from "./routers.ts";
import type { Span } from "./schedule.ts";
import type { Servers } from "./servers.ts";

/** A trouble that a router was in. Times are on the clock of `performance.now`. */
export interface Disturbed extends Span {
  readonly router: number;
  readonly kind: RouterTrouble["kind"];
}

/** Starts and ends troubles of routers, one at a time. */
export interface DisturbingRouters {
  /** Those that have ended. */
  readonly disturbed: readonly Disturbed[];
  /** For each time that a router lost its peer, the milliseconds until it knew. */
  readonly knownAfterMs: readonly number[];
  /** Takes a trouble to its end. It begins once the last one is over and the routers are peers. */
  strike(strike: RouterStrike): Promise<void>;
}

const LOOK_EVERY_MS = 20;
/** Longer than the second after which a silent peer counts for nothing. */
const KNOWN_WITHIN_MS = 10_000;
/** Longer than any pause before a router tries to reach its peer again. */
const PEERS_WITHIN_MS = 10_000;

export function disturbRouters({ members }: Routers, servers: Servers): DisturbingRouters {
  const knownAfterMs: number[] = [];
  let liar: Liar | undefined;
  const disturbed: Disturbed[] = [];
  let last = Promise.resolve();

  function network(of: (isWayToStruck: boolean) => Disturbance | undefined, router?: number): void {
    members.forEach(({ path }, index) => path.disturb(of(index === router)));
  }

  async function seeLost(log: RouterLog, since: number): Promise<void> {
    while (true) {
      const lost = log.peers.find(({ at, isUp }) => at >= since && !isUp);
      if (lost || performance.now() - since > KNOWN_WITHIN_MS) {
        return void knownAfterMs.push((lost?.at ?? Infinity) - since);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  async function whenPeers(): Promise<void> {
    const at = performance.now();
    while (!await arePeers(members) && performance.now() - at < PEERS_WITHIN_MS) {
      await sleep(LOOK_EVERY_MS);
    }
  }

  /** Settles when the new one takes requests. */
  async function restart(member: Member): Promise<void> {
    await member.stop();
    await member.start();
    while (!await isReady(member)) await sleep(LOOK_EVERY_MS);
  }

  async function begin({ router, trouble }: RouterStrike, at: number): Promise<void> {
    const struck = members[router]!;
    const other = members.find((member) => member !== struck)!;
    const { kind } = trouble;
    if (kind === "restarted") await restart(struck);
    else if (kind === "killed") {
      await struck.kill();
      await seeLost(other.log, at);
    } else if (kind === "frozen") {
      struck.freeze(true);
      await seeLost(other.log, at);
    } else if (kind === "network_stops") {
      network(() => ({ kind: "stops", directions: ["there", "back"] }));
      await Promise.all(members.map(({ log }) => seeLost(log, at)));
    } else if (kind === "network_stops_one_way") {
      network((isWayTo) => ({ kind: "stops", directions: [isWayTo ? "there" : "back"] }), router);
      await seeLost(struck.log, at);
    } else if (kind === "network_delays") {
      network(() => ({ kind: "delays", ms: trouble.ms }));
    } else if (kind === "network_cuts") {
      network(() => ({ kind: "cuts", afterBytes: trouble.afterBytes }));
    } else if (kind === "liar") {
      liar = createLiar(struck.admin, PEER_KEY, servers.simulators.map(({ url }) => url));
    } else await speakAnotherVersion(struck.admin, PEER_KEY);
  }

  async function end({ router, trouble: { kind } }: RouterStrike): Promise<void> {
    const struck = members[router]!;
    if (kind === "killed") await struck.start();
    else if (kind === "frozen") struck.freeze(false);
    else if (kind.startsWith("network")) network(() => undefined);
    else if (kind === "liar") await liar!.stop();
  }

  async function strike(one: RouterStrike): Promise<void> {
    const { router, trouble: { kind } } = one;
    if (kind !== "restarted") await whenPeers();
    const from = performance.now();
    await begin(one, from);
    await sleep(Math.max(0, from + (one.to - one.from) * 1000 - performance.now()));
    await end(one);
    disturbed.push({ router, kind, from, to: performance.now() });
  }

  return {
    disturbed,
    knownAfterMs,
    strike: (one) => last = last.then(() => strike(one)),
  };
}

async function isReady({ port }: Member): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  await response.body?.cancel();
  return response.status === 200;
}
