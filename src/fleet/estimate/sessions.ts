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

/** @param most maximum number of sessions; the least recently used are evicted */
export function createSessions(most: number): Sessions {
  const slots = new LRUCache<number, number>({ max: most });
  return {
    last: (session) => slots.get(session),
    remember: (session, slot) => void slots.set(session, slot),
    recent: () => slots.entries(),
    forget(slot) {
      for (const session of [...slots.keys()]) {
        if (slots.peek(session) === slot) slots.delete(session);
      }
    },
  };
}
