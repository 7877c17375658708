/** One endpoint of a Service. Each has its own loopback address, which never comes back. */
export interface Endpoint {
  /** Its number, from 1. */
  readonly id: number;
  readonly address: string;
  /** Whether it serves. */
  isReady: boolean;
}

/** The endpoints that a source of servers knows. */
export interface Endpoints {
  /** By slot. An endpoint keeps its slot. */
  readonly slots: readonly Endpoint[];
  /**
   * Replaces the endpoint that has served longest: it goes, one that was known becomes ready, and a
   * new one that isn't ready takes the slot of the first.
   *
   * @returns the slots that changed
   */
  replace(): readonly number[];
}

/** Creates endpoints of which the first `serving` are ready. */
export function createEndpoints(known: number, serving: number): Endpoints {
  let lastId = 0;
  const add = (isReady: boolean): Endpoint => ({
    id: ++lastId,
    address: addressOf(lastId),
    isReady,
  });
  const slots = Array.from({ length: known }, (_, slot) => add(slot < serving));
  /** Slots of ready endpoints and of the others, the longest known first. */
  const ready = slots.keys().take(serving).toArray();
  const waiting = slots.keys().drop(serving).toArray();
  return {
    slots,
    replace() {
      const gone = ready.shift()!;
      slots[gone] = add(false);
      waiting.push(gone);
      const next = waiting.shift()!;
      slots[next]!.isReady = true;
      ready.push(next);
      return [gone, next];
    },
  };
}

/** Returns a loopback address: all of 127.0.0.0/8 are this machine's, on Linux. */
function addressOf(id: number): string {
  return `127.${1 + (id >> 16)}.${(id >> 8) & 255}.${id & 255}`;
}
