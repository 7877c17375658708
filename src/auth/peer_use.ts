import { inFlightSpent } from "./in_flight.ts";
import { type LimitName, WINDOW_MS } from "./limit_ids.ts";
import type { Spent } from "./spent.ts";
import { createTokenWindow } from "./token_window.ts";

/** Pairs of a limit's number and how much of it a router has spent. */
export type Uses = readonly (readonly [limit: number, spent: number])[];

/** What another router reports to have spent of the limits. */
export interface PeerUse {
  /** Whether the router is reporting now. */
  readonly isHeard: boolean;
  /** Records a report. */
  hear(uses: Uses, now: number): void;
  /** Returns what the router has spent of a limit, if anything. */
  of(limit: number): Spent | undefined;
  /** Forgets its requests in flight. What it has spent still counts until it expires. */
  drop(): void;
  /** Whether the router is silent and all that it spent has expired. */
  isOver(now: number): boolean;
}

interface Mirror extends Spent {
  set(spent: number, now: number): void;
}

/**
 * Creates it for a router that has reported nothing yet.
 *
 * @param nameOf returns what a limit counts, `undefined` if the router has no such limit
 */
export function createPeerUse(nameOf: (limit: number) => LimitName | undefined): PeerUse {
  const mirrors = new Map<number, Mirror>();
  const inFlight = new Map<number, Mirror>();
  let isHeard = false;

  function take(limit: number, spent: number, now: number): void {
    const name = nameOf(limit);
    // Also if the router has lost the limit: it may come back.
    if (!name || name === "max_in_flight" && spent === 0) return void inFlight.delete(limit);
    const windowMs = WINDOW_MS[name];
    const all = windowMs === undefined ? inFlight : mirrors;
    let mirror = all.get(limit);
    if (!mirror) all.set(limit, mirror = windowMs === undefined ? gauge() : mirrorOf(windowMs));
    mirror.set(spent, now);
  }

  return {
    get isHeard() {
      return isHeard;
    },
    hear(uses, now) {
      isHeard = true;
      for (const [limit, spent] of uses) take(limit, spent, now);
    },
    of: (limit) => mirrors.get(limit) ?? inFlight.get(limit),
    drop() {
      isHeard = false;
      inFlight.clear();
    },
    isOver(now) {
      for (const [limit, mirror] of mirrors) {
        if (mirror.used(now) === 0) mirrors.delete(limit);
      }
      return !isHeard && mirrors.size === 0;
    },
  };
}

/** A copy of another router's window. It goes on to expire when that router is silent. */
function mirrorOf(windowMs: number): Mirror {
  const window = createTokenWindow(windowMs);
  return {
    ...window,
    set(spent, now) {
      const change = spent - window.used(now);
      if (change > 0) window.add(change, now);
      else window.takeAway(-change);
    },
  };
}

function gauge(): Mirror {
  let count = 0;
  return {
    set: (spent) => void (count = spent),
    ...inFlightSpent(() => count),
  };
}
