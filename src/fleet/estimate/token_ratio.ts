import { putLatest } from "../../util/lru.ts";

/** Prompt tokens per byte of text, with older observations weighing less. */
export interface TokenRatio {
  readonly bytes: number;
  readonly tokens: number;
}

/** Prior: English and code in JSON with a typical tokenizer. Weighs 40 kB of observed text. */
export const USUAL_RATIO: TokenRatio = { bytes: 40_000, tokens: 10_000 };

/** Length of the memory in bytes of text: a few hundred prompts. */
const REMEMBERED_BYTES = 2_000_000;
const LEAST = 0.02;
const MOST = 2;

/** Adds an observation of one prompt, or of several together. */
export function withSeen(ratio: TokenRatio, bytes: number, tokens: number): TokenRatio {
  // Outside these bounds the prompt wasn't the text in the body: an image, or truncated text.
  if (tokens < LEAST * bytes || tokens > MOST * bytes) return ratio;
  const kept = Math.max(0, 1 - bytes / REMEMBERED_BYTES);
  return { bytes: kept * ratio.bytes + bytes, tokens: kept * ratio.tokens + tokens };
}

export function tokensPerByte({ bytes, tokens }: TokenRatio): number {
  return tokens / bytes;
}

/** Learned token ratios by model. */
export interface TokenRatios {
  /** Returns a model's ratio, or the usual one if nothing was learned. */
  of(model: string | undefined): TokenRatio;
  /** Records the tokens of a prompt's bytes. */
  learn(model: string | undefined, bytes: number, tokens: number): void;
  /** Returns the learned tokens per byte by model. */
  learned(): ReadonlyMap<string, number>;
}

/** @param most maximum number of models; the least recently updated are evicted */
export function createTokenRatios(most: number): TokenRatios {
  /** The least recently updated first. Requests without a model share an entry. */
  const ratios = new Map<string | undefined, TokenRatio>();
  const of = (model: string | undefined) => ratios.get(model) ?? USUAL_RATIO;
  return {
    of,
    learn: (model, bytes, tokens) =>
      putLatest(ratios, model, withSeen(of(model), bytes, tokens), most),
    learned() {
      const learned = new Map<string, number>();
      for (const [model, ratio] of ratios) {
        if (model !== undefined) learned.set(model, tokensPerByte(ratio));
      }
      return learned;
    },
  };
}
