import type { Model } from "../fleet/state/models.ts";
import type { Engine } from "./engine.ts";

const INFO_PATH = "/info";

/**
 * Hugging Face's Text Embeddings Inference, read in 1.9.3. It has no list of models: `/info`
 * describes its only one. Its queue appears with the first request; the batch is unknown.
 */
export const tei: Engine = {
  name: "tei",
  modelsPath: INFO_PATH,
  parseModels,
  metrics: {
    path: "/metrics",
    prefix: "te_",
    waiting: [["te_queue_size"]],
  },
};

function parseModels(page: string): Model[] {
  const info = infoIn(page);
  // Releases before 1.9 serve the model under its id only.
  const id = info?.served_model_name ?? info?.model_id;
  if (typeof id !== "string" || typeof info?.model_type !== "object") {
    throw new Error(`${INFO_PATH} answered something other than a model's description`);
  }
  const { max_input_length: most } = info;
  return [{
    id,
    object: "model",
    created: 0,
    owned_by: tei.name,
    ...(typeof most === "number" && { max_model_len: most }),
  }];
}

function infoIn(page: string): Record<string, unknown> | undefined {
  try {
    const info: unknown = JSON.parse(page);
    return typeof info === "object" && info !== null ? info as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
