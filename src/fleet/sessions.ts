import { createLatest } from "./latest.ts";

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
  const slots = createLatest<number, number>(most);
  return {
    last: (session) => slots.entries.get(session),
    remember: slots.put,
    forget(slot) {
      for (const [session, at] of slots.entries) if (at === slot) slots.delete(session);
    },
  };
}
