import type { Chooser, Surroundings } from "./chooser.ts";

/** How long a failed server is skipped: nginx's `fail_timeout`. */
const FAIL_TIMEOUT_MS = 10_000;

/**
 * Chooses like nginx `least_conn` with the seats as weights: the fewest connections relative to the
 * weight, and smooth weighted round robin among equals.
 */
export function leastConnections({ clock, servers }: Surroundings): Chooser {
  const states = servers.map(({ plan: { seats } }, place) => ({
    place,
    weight: seats,
    connections: 0,
    credit: 0,
    outUntilMs: 0,
  }));

  return {
    choose(_request, tried) {
      const untried = states.filter(({ place }) => !tried.has(place));
      const able = untried.filter(({ outUntilMs }) => outUntilMs <= clock.now());
      const candidates = able.length > 0 ? able : untried;
      if (candidates.length === 0) return undefined;
      const share = (state: typeof states[number]) => state.connections / state.weight;
      const least = Math.min(...candidates.map(share));
      const equals = candidates.filter((state) => share(state) === least);
      const total = equals.reduce((sum, { weight }) => sum + weight, 0);
      for (const state of equals) state.credit += state.weight;
      const chosen = equals.reduce((best, state) => state.credit > best.credit ? state : best);
      if (equals.length > 1) chosen.credit -= total;
      else chosen.credit -= chosen.weight;
      chosen.connections++;
      return {
        server: chosen.place,
        firstToken() {},
        end(outcome) {
          chosen.connections--;
          if (outcome !== "ok") chosen.outUntilMs = clock.now() + FAIL_TIMEOUT_MS;
        },
      };
    },
  };
}
