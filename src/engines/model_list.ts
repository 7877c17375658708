import type { Model } from "../fleet/state/models.ts";
import { MODELS_PATH } from "../vllm/endpoints.ts";

const MOST_MODELS = 1_000;
/** Models with a longer name are ignored. */
const MOST_ID_LENGTH = 1_024;
/** About fifty per model. Parsing takes time and memory per value, not only per byte. */
const MOST_VALUES = 50_000;

/**
 * Parses a server's `/v1/models`. Models are returned as the server describes them; entries that
 * aren't models are ignored.
 *
 * @throws {Error} with the reason if the page isn't a list of models or exceeds a limit
 */
export function parseModels(page: string): Model[] {
  if (mayHaveMoreValues(page, MOST_VALUES)) {
    throw new Error(`${MODELS_PATH} has more than ${MOST_VALUES} values`);
  }
  const data = dataOf(page);
  if (!Array.isArray(data)) throw new Error(`${MODELS_PATH} answered without a list`);
  if (data.length > MOST_MODELS) {
    throw new Error(`${MODELS_PATH} lists more than ${MOST_MODELS} models`);
  }
  return data.filter((model): model is Model =>
    typeof model?.id === "string" && model.id.length <= MOST_ID_LENGTH
  );
}

function dataOf(page: string): unknown {
  try {
    const list = JSON.parse(page);
    // Ollama without models.
    return list?.data === null ? [] : list?.data;
  } catch {
    throw new Error(`${MODELS_PATH} answered something that isn't JSON`);
  }
}

/** Estimates the number of values by their separators. Separators within strings count as well. */
function mayHaveMoreValues(text: string, most: number): boolean {
  let values = 1;
  for (let i = 0; i < text.length && values <= most; i++) {
    const char = text.charCodeAt(i);
    if (char === COMMA || char === OPENING_BRACKET || char === OPENING_BRACE) values++;
  }
  return values > most;
}

const COMMA = 44;
const OPENING_BRACKET = 91;
const OPENING_BRACE = 123;
