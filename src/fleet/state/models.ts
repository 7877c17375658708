import type { ServerConfig } from "../../config/config.ts";

/** A model as its server's `/v1/models` described it. */
export interface Model {
  /** Its name, which requests ask for. */
  readonly id: string;
  /** Any other fields from the server. */
  readonly [field: string]: unknown;
}

/** Why a server didn't list its models. */
export interface ModelsFailure {
  /** The reason, human-readable. */
  readonly why: string;
  /** It asks for another key. */
  readonly isUnauthorized: boolean;
}

/** Returns the models fixed by the configuration with default fields; empty if it fixes none. */
export function fixedModels(config: ServerConfig): ReadonlyMap<string, Model> {
  const owner = config.engine ?? "vllm";
  const modelOf = (id: string) => ({ id, object: "model", created: 0, owned_by: owner });
  return new Map(config.models?.map((id) => [id, modelOf(id)]));
}
