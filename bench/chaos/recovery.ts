import type { Span } from "./schedule.ts";

/** A state that a server entered. Times are in seconds since the start, negative if before it. */
export interface State {
  readonly at: number;
  readonly server: number;
  readonly to: string;
  readonly reason: string;
}

type Turns = readonly (Span & { readonly server: number })[];

/** How long after a trouble, in seconds, requests that began during it may still fail. */
const AFTERMATH = 3;
const OUT = ["unhealthy", "stalled", "sleeping", "no_models", "unauthorized"];

/** Returns, for each fault-free turn of a server, for how many seconds the router didn't use it. */
export function secondsOut(turns: Turns, states: readonly State[]): number[] {
  return turns.map(({ server, from, to }) => {
    const own = states.filter((state) => state.server === server);
    if (own.findLast(({ at }) => at <= from)?.to === "healthy") return 0;
    const back = own.find((state) => state.at > from && state.to === "healthy")?.at ?? to;
    return Math.min(back, to) - from;
  });
}

/** Returns the states in which a server was out although it had been fault-free for a while. */
export function takenOut(turns: Turns, states: readonly State[]): State[] {
  return states.filter(({ at, server, to }) =>
    OUT.includes(to) &&
    turns.some((turn) => turn.server === server && at > turn.from + AFTERMATH && at < turn.to)
  );
}
