import { leastLoad } from "./least_load.ts";
import { type Candidate, HALF, pick, type Policy } from "./policy.ts";

/** Creates the original router's policy: a random server below 50% load, or the lowest load. */
export function randomBelowHalf(): Policy {
  const lowest = leastLoad();
  return <C extends Candidate>(
    candidates: readonly C[],
    random: () => number,
  ) => {
    const below = candidates.filter((candidate) => candidate.load < HALF);
    return below.length > 0 ? pick(below, random) : lowest(candidates, random);
  };
}
