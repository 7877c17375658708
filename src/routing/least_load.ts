import type { Candidate, Policy } from "./policy.ts";

/**
 * The lowest load, ties at random. A server below 50% thereby always comes before one above,
 * as in the original router.
 */
export function leastLoad(): Policy {
  return <C extends Candidate>(
    candidates: readonly C[],
    random: () => number,
  ) => {
    let best = candidates[0]!;
    let ties = 1;
    for (let i = 1; i < candidates.length; i++) {
      const candidate = candidates[i]!;
      if (candidate.load < best.load) {
        best = candidate;
        ties = 1;
      } else if (candidate.load === best.load && random() * ++ties < 1) {
        // Each of the ties so far is kept with the same chance (reservoir sampling).
        best = candidate;
      }
    }
    return best;
  };
}
