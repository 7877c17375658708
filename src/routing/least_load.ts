import { type Candidate, cheapest, type Policy } from "./policy.ts";

/**
 * Creates a policy that picks the lowest load, with ties broken at random. As in the original
 * router, a server below 50% thus always comes before one above.
 */
export function leastLoad(): Policy {
  return <C extends Candidate>(candidates: readonly C[], random: () => number) =>
    cheapest(candidates, ({ load }) => load, random);
}
