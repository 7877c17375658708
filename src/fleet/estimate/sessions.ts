import { putLatest } from "../../util/lru.ts";

/** The last server of each session. */
export interface Sessions {
  /** Returns that server's slot, `undefined` if unknown. */
  last(session: number): number | undefined;
  /** Records that a session's request was answered by a server. */
  remember(session: number, slot: number): void;
  /** Forgets all sessions of a server. */
  forget(slot: number): void;
}

/** @param most maximum number of sessions; the least recently used are evicted */
export function createSessions(most: number): Sessions {
  /** The least recently used first. */
  const slots = new Map<number, number>();
  return {
    last: (session) => slots.get(session),
    remember: (session, slot) => putLatest(slots, session, slot, most),
    forget(slot) {
      for (const [session, at] of slots) if (at === slot) slots.delete(session);
    },
  };
}
