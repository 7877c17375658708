import { type Candidate, cheapest, HALF, type Policy, type Prediction } from "./policy.ts";

/** What a fuller batch costs all in it, in steps of this server, at full crowding. */
const CROWDING_STEPS = 1;
/** Of the time a server takes for this prompt alone, what those who come next will wait. */
const OTHERS_SHARE = 0.5;
/** What a server above half its load pays, in its steps. */
const HALF_STEPS = 0.5;

/**
 * The least work: seconds until this request's first token, and what it costs the others there.
 * Where nothing is known of requests' work it goes by load, as `least_load` does.
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

/** What it costs to send a request there, in seconds. */
export function costOf(prediction: Prediction, load: number): number {
  const { ownTokens, secondsPerToken, startSeconds, crowding } = prediction;
  return firstTokenSeconds(prediction) + OTHERS_SHARE * ownTokens * secondsPerToken +
    startSeconds * (CROWDING_STEPS * crowding + (load > HALF ? HALF_STEPS : 0));
}

/** Seconds until the first token is to be expected. */
export function firstTokenSeconds(prediction: Prediction): number {
  const { pendingTokens, ownTokens, secondsPerToken, startSeconds } = prediction;
  const prefillSeconds = (pendingTokens + ownTokens) * secondsPerToken;
  const seatSeconds = prediction.aheadOfSeat * prediction.secondsPerSeat;
  // While it waits for a seat, others' prompts are computed.
  return startSeconds + Math.max(prefillSeconds, seatSeconds + ownTokens * secondsPerToken);
}
