import { LRUCache } from "lru-cache";

/** Which server had each session last. */
export interface Sessions {
  /** The slot of that server; `undefined` where none is known. */
  last(session: number): number | undefined;
  /** A request of the session went to a server. */
  remember(session: number, slot: number): void;
  /** A server has none any more. */
  forget(slot: number): void;
}

/** @param most sessions that are kept; the least recently used are evicted */
export function createSessions(most: number): Sessions {
  const slots = new LRUCache<number, number>({ max: most });
  return {
    last: (session) => slots.get(session),
    remember: (session, slot) => void slots.set(session, slot),
    forget(slot) {
      for (const session of [...slots.keys()]) {
        if (slots.peek(session) === slot) slots.delete(session);
      }
    },
  };
}
