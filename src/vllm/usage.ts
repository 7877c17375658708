/** A server's token counts for one answer. */
export interface Usage {
  /** Prompt tokens. */
  readonly promptTokens: number;
  /** Prompt tokens that were in the server's cache, if it tells. */
  readonly cachedTokens?: number;
  /** Answer tokens. */
  readonly completionTokens: number;
  /** Answer tokens that were spent on reasoning, if the server tells. */
  readonly reasoningTokens?: number;
}

/** The usage object is close to an answer's end, so only this many trailing bytes are searched. */
export const TAIL_BYTES = 4_096;

const KEY = '"usage":';
const decoder = new TextDecoder();

/**
 * Reads the last `"usage":{…}` from an answer's last bytes, whether JSON or events. Generated text
 * can't be mistaken for it, since its quotes are escaped.
 *
 * @returns `undefined` if the answer has no usage
 */
export function usageIn(tail: Uint8Array): Usage | undefined {
  const text = decoder.decode(tail.subarray(-TAIL_BYTES));
  for (let at = text.lastIndexOf(KEY); at !== -1; at = text.lastIndexOf(KEY, at - 1)) {
    const found = objectAt(text, at + KEY.length);
    // Cohere's API counts within `tokens`.
    const usage = isTable(found?.tokens) ? found.tokens : found;
    const counted = usage && countsIn(usage);
    if (counted) return counted;
    if (at === 0) break;
  }
  return undefined;
}

function countsIn(usage: Record<string, unknown>): Usage | undefined {
  // `prompt_tokens` is OpenAI's name, `input_tokens` that of `/v1/responses` and Anthropic's API.
  const prompt = usage.prompt_tokens ?? usage.input_tokens;
  const completion = usage.completion_tokens ?? usage.output_tokens;
  if (prompt === undefined && completion === undefined) return undefined;
  // Anthropic's API counts what the cache had, and what it keeps, apart from the rest.
  const { cache_read_input_tokens: read, cache_creation_input_tokens: kept } = usage;
  const counts = [prompt ?? 0, completion ?? 0, read ?? 0, kept ?? 0];
  if (!counts.every(isCount)) return undefined;
  const [own, answer, ofCache, toCache] = counts.map(Number) as [number, number, number, number];
  const details = usage.prompt_tokens_details ?? usage.input_tokens_details;
  const cached = isTable(details) ? details.cached_tokens : read;
  const ofAnswer = usage.completion_tokens_details ?? usage.output_tokens_details;
  const reasoning = isTable(ofAnswer) ? ofAnswer.reasoning_tokens : undefined;
  return {
    promptTokens: own + ofCache + toCache,
    completionTokens: answer,
    ...(isCount(cached) && { cachedTokens: Number(cached) }),
    ...(isCount(reasoning) && { reasoningTokens: Number(reasoning) }),
  };
}

/** Far above the context length of any model. A larger count is taken as unknown. */
const MOST_TOKENS = 100_000_000;

const isTable = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const isCount = (value: unknown) =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= MOST_TOKENS;

/** Parses the JSON object at an index, after optional white space. */
function objectAt(text: string, from: number): Record<string, unknown> | undefined {
  const start = text.indexOf("{", from);
  if (start === -1 || text.slice(from, start).trim() !== "") return undefined;
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth === 0) {
      try {
        return JSON.parse(text.slice(start, i + 1));
      } catch {
        return undefined;
      }
    }
  }
  return undefined;
}
