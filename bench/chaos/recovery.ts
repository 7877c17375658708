import type { Span } from "./schedule.ts";

/** A server entered a state, in seconds since the start; before it, where that is negative. */
export interface State {
  readonly at: number;
  readonly server: number;
  readonly to: string;
  readonly reason: string;
}

type Turns = readonly (Span & { readonly server: number })[];

/** What began under a trouble may end badly so long after it, in seconds. */
const AFTERMATH = 3;
const OUT = ["unhealthy", "stalled", "sleeping", "no_models", "unauthorized"];

/** For each turn of a server to be free of faults, how many seconds of it the router did without. */
export function secondsOut(turns: Turns, states: readonly State[]): number[] {
  return turns.map(({ server, from, to }) => {
    const own = states.filter((state) => state.server === server);
    if (own.findLast(({ at }) => at <= from)?.to === "healthy") return 0;
    const back = own.find((state) => state.at > from && state.to === "healthy")?.at ?? to;
    return Math.min(back, to) - from;
  });
}

/** What took a server out while nothing was wrong with it, and had not been for a while. */
export function takenOut(turns: Turns, states: readonly State[]): State[] {
  return states.filter(({ at, server, to }) =>
    OUT.includes(to) &&
    turns.some((turn) => turn.server === server && at > turn.from + AFTERMATH && at < turn.to)
  );
}
