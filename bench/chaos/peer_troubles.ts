import type { Random } from "../../src/simulator/random.ts";
import type { Span } from "./schedule.ts";

/** The number of routers side by side. */
export const ROUTERS = 2;

/** A temporary trouble of a router, or of the network between it and its peer. */
export type RouterTrouble =
  /** SIGTERM; another one starts at its addresses when it has ended. */
  | { readonly kind: "restarted" }
  /** SIGKILL; another one starts at the end. */
  | { readonly kind: "killed" }
  /** SIGSTOP, and SIGCONT at the end. */
  | { readonly kind: "frozen" }
  /** Nothing passes between the routers. */
  | { readonly kind: "network_stops" }
  /** Nothing from the other router arrives at this one. */
  | { readonly kind: "network_stops_one_way" }
  | { readonly kind: "network_delays"; readonly ms: number }
  /** Each connection breaks after this many bytes, which is within a line. */
  | { readonly kind: "network_cuts"; readonly afterBytes: number }
  /** A third peer with the right key claims thousands of requests on every server. */
  | { readonly kind: "liar" }
  /** A third peer has another protocol version. */
  | { readonly kind: "other_version" };

/** One trouble of one router. */
export interface RouterStrike extends Span {
  /** The router's index. */
  readonly router: number;
  readonly trouble: RouterTrouble;
}

/** In seconds: before the first trouble, and so long that effects of others have ended. */
export const CALM_SECONDS = 6;
/** Longer than the second after which a silent peer counts for nothing. */
const TROUBLE_SECONDS = 2.5;
/** With the time until the routers are peers again. */
const TURN_SECONDS = 5;

/** Draws one trouble of each kind, one after the other. Each waits until the last one is over. */
export function planPeerTroubles(
  from: number,
  random: Random,
): { readonly routerStrikes: readonly RouterStrike[]; readonly to: number } {
  const troubles: readonly RouterTrouble[] = [
    { kind: "network_stops" },
    { kind: "network_stops_one_way" },
    { kind: "network_delays", ms: 100 + 300 * random() },
    { kind: "network_cuts", afterBytes: 1_000 + Math.floor(10_000 * random()) },
    { kind: "liar" },
    { kind: "other_version" },
    { kind: "frozen" },
    { kind: "killed" },
  ];
  const first = from + CALM_SECONDS;
  const routerStrikes = troubles.map((trouble, index): RouterStrike => {
    const at = first + index * TURN_SECONDS;
    return {
      router: Math.floor(ROUTERS * random()),
      trouble,
      from: at,
      to: at + TROUBLE_SECONDS,
    };
  });
  return { routerStrikes, to: first + troubles.length * TURN_SECONDS };
}
