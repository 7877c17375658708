import { LRUCache } from "lru-cache";

/** Prompt tokens per byte of text, with older observations weighing less. */
export interface TokenRatio {
  readonly bytes: number;
  readonly tokens: number;
}

/**
 * Prior: English and code in JSON with a typical tokenizer. Weighs only 4 kB of observed text, since
 * a tokenizer that is used otherwise is so from the first prompt on (issue 20).
 */
export const USUAL_RATIO: TokenRatio = { bytes: 4_000, tokens: 1_000 };

/** Length of the memory in bytes of text: a few hundred prompts. */
const REMEMBERED_BYTES = 2_000_000;
/** Least plausible tokens per byte. */
export const LEAST = 0.02;
/** Most plausible tokens per byte. */
export const MOST = 2;

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
  /** Returns the ratio of all prompts together. */
  all(): TokenRatio;
  /** Records the tokens of a prompt's bytes. */
  learn(model: string | undefined, bytes: number, tokens: number): void;
  /** Returns the learned tokens per byte by model. */
  learned(): ReadonlyMap<string, number>;
  /** Goes through all models' ratios, the least recently updated first. */
  byModel(): Iterable<readonly [model: string | undefined, TokenRatio]>;
  /** Takes over the ratios of models, and of all prompts together. */
  restore(byModel: ReturnType<TokenRatios["byModel"]>, all: TokenRatio): void;
}

/** Requests without a model share an entry. */
const UNNAMED = Symbol("requests that name no model");

/** Only listed models get here, but lists change. */
const MOST_MODELS = 1_000;

/** @param most maximum number of models; the least recently updated are evicted */
export function createTokenRatios(most = MOST_MODELS): TokenRatios {
  const ratios = new LRUCache<string | symbol, TokenRatio>({ max: most });
  const of = (model: string | undefined) => ratios.peek(model ?? UNNAMED) ?? USUAL_RATIO;
  let all = USUAL_RATIO;
  return {
    of,
    all: () => all,
    learn(model, bytes, tokens) {
      ratios.set(model ?? UNNAMED, withSeen(of(model), bytes, tokens));
      all = withSeen(all, bytes, tokens);
    },
    learned() {
      const learned = new Map<string, number>();
      for (const model of ratios.rkeys()) {
        if (typeof model === "string") learned.set(model, tokensPerByte(of(model)));
      }
      return learned;
    },
    *byModel() {
      for (const model of ratios.rkeys()) {
        const name = typeof model === "string" ? model : undefined;
        yield [name, of(name)];
      }
    },
    restore(byModel, ratio) {
      for (const [model, ratio] of byModel) ratios.set(model ?? UNNAMED, ratio);
      all = ratio;
    },
  };
}
