import type { Candidate } from "../routing/policy.ts";
import { describeTerms } from "../routing/terms.ts";
import type { Server } from "./state/server.ts";

export { describeTerms } from "../routing/terms.ts";

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
