import type { Json } from "./body.ts";
import { RequestError } from "./errors.ts";

/**
 * Returns the model a request names, or the first model by default.
 *
 * @throws {RequestError} when the model is not served here
 */
export function servedModel(body: Json, models: readonly string[]): string {
  const model = body.model ?? models[0]!;
  if (typeof model === "string" && models.includes(model)) return model;
  const message = `The model \`${model}\` does not exist. Valid aliases: ${models.join(", ")}.`;
  throw new RequestError(404, "NotFoundError", message, "model");
}

/** Builds the document of GET /v1/models. */
export function listModels(models: readonly string[], maxModelLen: number, created: number): Json {
  return {
    object: "list",
    data: models.map((id, index) => ({
      id,
      object: "model",
      created,
      owned_by: "vllm",
      root: models[0],
      parent: index === 0 ? null : models[0],
      max_model_len: maxModelLen,
      permission: [{
        id: `modelperm-${index}`,
        object: "model_permission",
        created,
        allow_create_engine: false,
        allow_sampling: true,
        allow_logprobs: true,
        allow_search_indices: false,
        allow_view: true,
        allow_fine_tuning: false,
        organization: "*",
        group: null,
        is_blocking: false,
      }],
    })),
  };
}
