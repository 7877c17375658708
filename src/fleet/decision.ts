import { costOf, firstTokenSeconds } from "../routing/least_work.ts";
import type { Candidate } from "../routing/policy.ts";
import type { Server } from "./state/server.ts";

/** A server as the policy saw it. */
export type ConsideredServer = Candidate & { readonly server: Readonly<Server> };

/** The server a policy chose, and the candidates it chose from. */
export interface Decision {
  /** Id of the request. */
  readonly id: string | undefined;
  /** Name of the policy. */
  readonly policy: string;
  /** One of the candidates. */
  readonly chosen: ConsideredServer;
  /** All candidates, including the chosen one. */
  readonly candidates: readonly ConsideredServer[];
}

/**
 * Describes a decision in one line without naming a server, such as
 * `least_work, 1 of 4: cost 0.503 s, …`.
 */
export function describeDecision({ policy, chosen, candidates }: Omit<Decision, "id">): string {
  const place = candidates.indexOf(chosen) + 1;
  return `${policy}, ${place} of ${candidates.length}: ${describeTerms(policy, chosen)}`;
}

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
