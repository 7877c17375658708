import type { Model } from "./server.ts";

const MOST_MODELS = 1_000;
/** Longer names are left out. */
const MOST_ID_LENGTH = 1_024;
/** Values on the page, some fifty for each model: the router parses no more, however few bytes. */
const MOST_VALUES = 50_000;

/**
 * The models that a server's `/v1/models` lists, as it describes them. What is no model is left
 * out.
 *
 * @throws {Error} that says why, where the page can't be read or lists too much
 */
export function parseModels(page: string): Model[] {
  if (hasMoreValues(page, MOST_VALUES)) {
    throw new Error(`/v1/models has more than ${MOST_VALUES} values`);
  }
  const data = dataOf(page);
  if (!Array.isArray(data)) throw new Error("/v1/models answered without a list");
  if (data.length > MOST_MODELS) {
    throw new Error(`/v1/models lists more than ${MOST_MODELS} models`);
  }
  return data.filter((model): model is Model =>
    typeof model?.id === "string" && model.id.length <= MOST_ID_LENGTH
  );
}

function dataOf(page: string): unknown {
  try {
    return JSON.parse(page)?.data;
  } catch {
    throw new Error("/v1/models answered something that isn't JSON");
  }
}

/** Whether a JSON text may have more values than that. Those within its strings count as well. */
function hasMoreValues(text: string, most: number): boolean {
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
