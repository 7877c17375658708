import { putLatest } from "../../util/lru.ts";

/** Which server had each session last. */
export interface Sessions {
  /** The slot of that server; `undefined` where none is known. */
  last(session: number): number | undefined;
  /** A request of the session went to a server. */
  remember(session: number, slot: number): void;
  /** A server has none any more. */
  forget(slot: number): void;
}

/** @param most sessions that are kept; those longest unused leave */
export function createSessions(most: number): Sessions {
  /** The longest unused first. */
  const slots = new Map<number, number>();
  return {
    last: (session) => slots.get(session),
    remember: (session, slot) => putLatest(slots, session, slot, most),
    forget(slot) {
      for (const [session, at] of slots) if (at === slot) slots.delete(session);
    },
  };
}
