import {
  type Candidate,
  cheapest,
  firstTokenSeconds,
  HALF,
  type Policy,
  type Prediction,
} from "./policy.ts";

/** Cost of slowing down the batch, in steps of the server, at `crowding` 1. */
const CROWDING_STEPS = 1;
/** Share of this prompt's prefill time charged for the delay of later requests. */
const OTHERS_SHARE = 0.25;
/** Penalty of a server above 50% load, in its steps. */
const HALF_STEPS = 0.5;

/**
 * Creates a policy that picks the lowest cost: seconds to this request's first token, plus the
 * delay it causes others there. Without predictions it picks the lowest load, as `least_load`.
 */
export function leastWork(): Policy {
  return <C extends Candidate>(candidates: readonly C[], random: () => number) => {
    const known = candidates.every(({ prediction }) => prediction);
    return cheapest(
      candidates,
      known ? (c) => costOf(c.prediction!, c.load) : (c) => c.load,
      random,
    );
  };
}

/** Returns the cost of sending a request to a server, in seconds. */
export function costOf(prediction: Prediction, load: number): number {
  const { ownWork, secondsPerToken, startSeconds, crowding } = prediction;
  return firstTokenSeconds(prediction) + OTHERS_SHARE * ownWork * secondsPerToken +
    startSeconds * (CROWDING_STEPS * crowding + (load > HALF ? HALF_STEPS : 0));
}
