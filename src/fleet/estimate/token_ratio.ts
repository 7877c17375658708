import { LRUCache } from "lru-cache";

/** Prompt tokens over bytes of their text, older observations counting less. */
export interface TokenRatio {
  readonly bytes: number;
  readonly tokens: number;
}

/** English and code in JSON, as most tokenizers cut it; forty kilobytes' worth of belief. */
export const USUAL_RATIO: TokenRatio = { bytes: 40_000, tokens: 10_000 };

/** What is remembered: text of so many bytes, a few hundred prompts. */
const REMEMBERED_BYTES = 2_000_000;
const LEAST = 0.02;
const MOST = 2;

/** The ratio with what was seen of one prompt, or of several together. */
export function withSeen(ratio: TokenRatio, bytes: number, tokens: number): TokenRatio {
  // Then the prompt was not what stands in the body: an image, or a text that the server cut.
  if (tokens < LEAST * bytes || tokens > MOST * bytes) return ratio;
  const kept = Math.max(0, 1 - bytes / REMEMBERED_BYTES);
  return { bytes: kept * ratio.bytes + bytes, tokens: kept * ratio.tokens + tokens };
}

export function tokensPerByte({ bytes, tokens }: TokenRatio): number {
  return tokens / bytes;
}

/** What was learned of models' prompts, each model's apart. */
export interface TokenRatios {
  /** The usual ratio where nothing was learned. */
  of(model: string | undefined): TokenRatio;
  /** Prompts of so many bytes were so many tokens. */
  learn(model: string | undefined, bytes: number, tokens: number): void;
  /** Tokens per byte of each model of which something was learned. */
  learned(): ReadonlyMap<string, number>;
}

/** Requests that name no model share an entry. */
const UNNAMED = Symbol("requests that name no model");

/** @param most models that are kept; the model that learned nothing for longest is evicted */
export function createTokenRatios(most: number): TokenRatios {
  const ratios = new LRUCache<string | symbol, TokenRatio>({ max: most });
  const of = (model: string | undefined) => ratios.peek(model ?? UNNAMED) ?? USUAL_RATIO;
  return {
    of,
    learn: (model, bytes, tokens) =>
      void ratios.set(model ?? UNNAMED, withSeen(of(model), bytes, tokens)),
    learned() {
      const learned = new Map<string, number>();
      for (const model of ratios.rkeys()) {
        if (typeof model === "string") learned.set(model, tokensPerByte(of(model)));
      }
      return learned;
    },
  };
}
