import { LRUCache } from "lru-cache";

/** The last server of each session. */
export interface Sessions {
  /** Returns that server's slot, `undefined` if unknown. */
  last(session: number): number | undefined;
  /** Records that a session's request was answered by a server. */
  remember(session: number, slot: number): void;
  /** Goes through all sessions and their servers' slots, the most recently used first. */
  recent(): Iterable<readonly [session: number, slot: number]>;
  /** Forgets all sessions of a server. */
  forget(slot: number): void;
}

/** A server that sessions go to. */
interface Holder {
  readonly slot: number;
  isForgotten: boolean;
}

/** @param most maximum number of sessions; the least recently used are evicted */
export function createSessions(most: number): Sessions {
  const sessions = new LRUCache<number, Holder>({ max: most });
  const holders = new Map<number, Holder>();

  function holderAt(slot: number): Holder {
    const known = holders.get(slot);
    if (known) return known;
    const holder = { slot, isForgotten: false };
    holders.set(slot, holder);
    return holder;
  }

  return {
    last(session) {
      const holder = sessions.get(session);
      return holder?.isForgotten === false ? holder.slot : undefined;
    },
    remember: (session, slot) => void sessions.set(session, holderAt(slot)),
    *recent() {
      for (const [session, { slot, isForgotten }] of sessions.entries()) {
        if (!isForgotten) yield [session, slot];
      }
    },
    forget(slot) {
      // Its sessions are evicted later: searching for them among all sessions takes milliseconds.
      holderAt(slot).isForgotten = true;
      holders.delete(slot);
    },
  };
}
