import { costOf } from "./least_work.ts";
import { type Candidate, firstTokenSeconds } from "./policy.ts";

/**
 * Describes the terms a policy compared: cost for `least_work`, only load for the others. Pending
 * tokens include those of other clients' requests.
 */
export function describeTerms(policy: string, { load, prediction }: Candidate): string {
  const terms = policy === "least_work" && prediction && [
    `cost ${costOf(prediction, load).toFixed(3)} s`,
    `first token in ${firstTokenSeconds(prediction).toFixed(3)} s`,
    `${Math.round(prediction.pendingTokens)} tokens pending`,
    `${Math.round(prediction.ownTokens)} of ${Math.round(prediction.promptTokens)} own`,
    `${Math.round(1 / prediction.secondsPerToken)} tokens/s`,
    `${prediction.aheadOfSeat} ahead of a seat`,
  ];
  return [...terms || [], `load ${load.toFixed(2)}`].join(", ");
}
