import type { Json } from "../api/body.ts";
import type { Choice } from "./wording.ts";

/** Token counts of a request. */
export interface TokenCounts {
  readonly prompt: number;
  /** Prompt tokens found in the prefix cache. */
  readonly cached: number;
  readonly generated: number;
}

/** Counts the tokens of a request. A prompt shared by several choices counts once. */
export function countTokens(choices: readonly Choice[]): TokenCounts {
  const seen = new Set<Uint32Array>();
  let prompt = 0;
  let cached = 0;
  let generated = 0;
  for (const choice of choices) {
    generated += choice.tokens.length;
    if (seen.has(choice.prompt)) continue;
    seen.add(choice.prompt);
    prompt += choice.prompt.length;
    cached += choice.cachedTokens;
  }
  return { prompt, cached, generated };
}

/** Returns `usage` in OpenAI's format. */
export function usage(choices: readonly Choice[]): Json {
  const { prompt, cached, generated } = countTokens(choices);
  return {
    prompt_tokens: prompt,
    total_tokens: prompt + generated,
    completion_tokens: generated,
    prompt_tokens_details: { cached_tokens: cached },
  };
}
