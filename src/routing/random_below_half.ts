import { leastLoad } from "./least_load.ts";
import { type Candidate, HALF, pick, type Policy } from "./policy.ts";

/** The original router's rule: any server below 50% load, and where there is none the lowest. */
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
