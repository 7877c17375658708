import type { Access } from "../config/config.ts";
import { limitHash, type LimitName, limitsIn } from "./limit_ids.ts";
import { createPeerUse, type PeerUse, type Uses } from "./peer_use.ts";
import type { Over, Spent } from "./spent.ts";
import { ARRIVED_MS, createToldUse, tell, type ToldUse, unknownOf } from "./told_use.ts";

/** The limits of keys over all routers. Each router tells the others what it has spent. */
export interface SharedLimits {
  /** Returns a function that adds what peers have spent of a limit to what this router has. */
  over(id: string): Over;
  /** Begins to share, or stops and forgets what others have reported. */
  share(isShared: boolean): void;
  /** Begins to count what another router reports. `instance` identifies its current start. */
  join(instance: string): Pick<PeerUse, "hear" | "drop">;
  /** Returns what hasn't been told to peers yet, and marks it as told. */
  changes(now: number): Uses;
  /** Returns everything that is spent. */
  all(now: number): Uses;
}

/** The most limits that are told at once. The others follow later. */
const MOST_TOLD = 1_000;
/** The most starts of other routers whose spending is remembered. */
const MOST_REMEMBERED = 128;
/** After this long, what other routers spent at the same time is known. */
const SETTLES_MS = 2 * ARRIVED_MS;
/** How often what is too old is looked for, among all limits of all other routers. */
const FORGETS_MS = 10_000;

/**
 * Creates the shared limits. While nothing is shared, they cost one comparison.
 *
 * @param access called for each line of a peer, so that a reload takes effect at once
 */
export function createSharedLimits(
  access: () => Pick<Access, "keys" | "modelLimits">,
): SharedLimits {
  const peers = new Map<string, PeerUse>();
  /** By number: limits of which something is spent, or was when peers were last told. */
  const spent = new Map<number, ToldUse>();
  let isShared = false;
  let forgotAt = -Infinity;
  let indexed: ReturnType<typeof access> | undefined;
  let names: ReadonlyMap<number, LimitName> = new Map();

  function nameOf(limit: number): LimitName | undefined {
    const current = access();
    if (current !== indexed) names = limitsIn(indexed = current);
    return names.get(limit);
  }

  function peerOf(instance: string): PeerUse {
    let peer = peers.get(instance);
    if (peer) return peer;
    const silent = [...peers].find(([, { isHeard }]) => !isHeard);
    if (silent && peers.size >= MOST_REMEMBERED) peers.delete(silent[0]);
    peers.set(instance, peer = createPeerUse(nameOf));
    return peer;
  }
  function forgetOld(now: number): void {
    if (now - forgotAt < FORGETS_MS) return;
    forgotAt = now;
    for (const [instance, peer] of peers) if (peer.isOver(now)) peers.delete(instance);
  }

  /** Returns what each of the others has spent of a limit. */
  function othersOf(limit: number): Spent[] {
    return [...peers.values()].flatMap((peer) => peer.of(limit) ?? []);
  }
  function routers(): number {
    let count = 1;
    for (const { isHeard } of peers.values()) count += Number(isHeard);
    return count;
  }

  /** Whether an amount fits even if each other router has spent as much since it last reported. */
  function fits(use: ToldUse, room: number, amount: number, now: number): boolean {
    if (room < amount) return false;
    const unknown = unknownOf(use, now);
    // With nothing unknown it fits: otherwise, less than a router's share could never be spent.
    return unknown === 0 || room >= amount + (routers() - 1) * (unknown + amount);
  }

  function over(use: ToldUse): Spent {
    const { hash, own } = use;
    const used = (now: number) => {
      if (peers.size === 0) return own.used(now);
      let sum = own.used(now);
      for (const peer of peers.values()) sum += peer.of(hash)?.used(now) ?? 0;
      return sum;
    };
    return {
      used,
      waitMs(limit, amount, now) {
        if (!isShared) return own.waitMs(limit, amount, now);
        spent.set(hash, use);
        const room = limit - used(now);
        if (fits(use, room, amount, now)) return 0;
        if (amount > limit) return Infinity;
        return room < amount ? leavesMs([own, ...othersOf(hash)], amount - room, now) : SETTLES_MS;
      },
      resetMs(now) {
        if (peers.size === 0) return own.resetMs(now);
        let ms = own.resetMs(now);
        for (const peer of peers.values()) ms = Math.max(ms, peer.of(hash)?.resetMs(now) ?? 0);
        return ms;
      },
    };
  }

  return {
    over: (id) => (own) => over(createToldUse(limitHash(id), own)),
    share(next) {
      isShared = next;
      if (isShared) return;
      peers.clear();
      spent.clear();
    },
    join: (instance) => ({
      hear: (uses, now) => peerOf(instance).hear(uses, now),
      drop: () => peers.get(instance)?.drop(),
    }),
    changes(now) {
      forgetOld(now);
      const changed: ToldUse[] = [];
      for (const use of spent.values()) {
        if (changed.length >= MOST_TOLD) break;
        if (tell(use, now)) changed.push(use);
        else if (use.told === 0) spent.delete(use.hash);
      }
      // Moves them behind those that haven't been told yet.
      for (const use of changed) {
        spent.delete(use.hash);
        spent.set(use.hash, use);
      }
      return changed.map(({ hash, told }) => [hash, told]);
    },
    all: (now) =>
      Array.from(spent.values(), ({ hash, own, told }) => [hash, Math.max(told, own.used(now))]),
  };
}

/** Returns a time in milliseconds after which this much has expired in some of these windows. */
function leavesMs(windows: readonly Spent[], amount: number, now: number): number {
  const first = Math.min(
    ...windows.map((window) => window.waitMs(window.used(now) - amount, 0, now)),
  );
  return first < Infinity ? first : Math.max(...windows.map((window) => window.resetMs(now)));
}
