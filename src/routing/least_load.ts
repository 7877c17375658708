import { type Candidate, cheapest, type Policy } from "./policy.ts";

/**
 * The lowest load, ties at random. A server below 50% thereby always comes before one above,
 * as in the original router.
 */
export function leastLoad(): Policy {
  return <C extends Candidate>(candidates: readonly C[], random: () => number) =>
    cheapest(candidates, ({ load }) => load, random);
}
