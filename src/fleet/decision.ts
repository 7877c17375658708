import { costOf, firstTokenSeconds } from "../routing/least_work.ts";
import type { Candidate } from "../routing/policy.ts";
import type { Server } from "./state/server.ts";

/** A server as a policy saw it. */
export type ConsideredServer = Candidate & { readonly server: Readonly<Server> };

/** A server that was chosen, and among which. */
export interface Decision {
  /** The request that a server was chosen for, by its id. */
  readonly id: string | undefined;
  /** The name of the policy that chose. */
  readonly policy: string;
  /** One of the candidates. */
  readonly chosen: ConsideredServer;
  /** All that could have been chosen. */
  readonly candidates: readonly ConsideredServer[];
}

/** A choice in one line that names no server: `least_work, 1 of 4: cost 0.503 s, …`. */
export function describeDecision({ policy, chosen, candidates }: Omit<Decision, "id">): string {
  const place = candidates.indexOf(chosen) + 1;
  return `${policy}, ${place} of ${candidates.length}: ${describeTerms(policy, chosen)}`;
}

/**
 * What a policy went by, in words: work for `least_work`, else the load alone. Pending are the tokens
 * of others' requests as well.
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
