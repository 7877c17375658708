import type { Prediction } from "../routing/policy.ts";
import type { Server } from "./state/server.ts";

// Servers of one model may have been started with different `--max-model-len` (issue 18).

/** How many tokens a server's model holds, prompt and answer; `Infinity` if it doesn't tell. */
export function contextOf(
  { models }: Readonly<Pick<Server, "models">>,
  model: string | undefined,
): number {
  const length = model === undefined ? undefined : models.get(model)?.max_model_len;
  return typeof length === "number" && length > 0 ? length : Infinity;
}

/** A server that may be chosen for a request. */
interface Candidate {
  readonly server: Readonly<Pick<Server, "models">>;
  readonly prediction: Pick<Prediction, "promptTokens">;
}

/** Returns the servers that hold a prompt as long as this one is expected to be, or the longest. */
export function longEnough<C extends Candidate>(
  candidates: readonly C[],
  model: string | undefined,
): readonly C[] {
  const holds = ({ server, prediction }: C) => contextOf(server, model) >= prediction.promptTokens;
  if (candidates.every(holds)) return candidates;
  const holding = candidates.filter(holds);
  if (holding.length > 0) return holding;
  const longest = Math.max(...candidates.map(({ server }) => contextOf(server, model)));
  return candidates.filter(({ server }) => contextOf(server, model) === longest);
}

/** Returns the servers that hold no more than this one, for which a prompt was too long. */
export function noLonger(
  servers: readonly Readonly<Server>[],
  { models }: Readonly<Server>,
  model: string | undefined,
): readonly Readonly<Server>[] {
  const length = contextOf({ models }, model);
  return servers.filter((server) => contextOf(server, model) <= length);
}
