import { type Json, readCount } from "../api/body.ts";
import { badRequest } from "../api/errors.ts";
import { createRandom, drawLogNormal } from "../random.ts";
import { hashTokens } from "../engine/token_hash.ts";
import { tokenize } from "./tokenizer.ts";

/** The prompt one sequence computes and the tokens it generates. */
export interface AnswerPlan {
  readonly prompt: Uint32Array;
  readonly cacheSalt?: string | undefined;
  /** Tokens to generate. */
  readonly length: number;
  readonly lengthReason: "stop" | "length";
  nextToken(): number;
}

const MEDIAN_LENGTH = 100;
const LENGTH_SIGMA = 0.6;

// Each word plus its space is one token, and so is each word plus the final full stop.
const WORDS = ("the and for you was are but not had all one day new now old see two way who boy " +
  "man put say she too use sun sky sea air red big low far run").split(" ");
const MIDDLE_TOKENS = WORDS.map((word) => tokenize(`${word} `)[0]!);
const LAST_TOKENS = WORDS.map((word) => tokenize(`${word}.`)[0]!);

/**
 * Plans the answer to a prompt. The same `seed`, prompt and `choice` always give the same answer.
 * Its length is drawn between `min_tokens` and `max_tokens`; with `ignore_eos` it is `max_tokens`.
 *
 * @throws {RequestError} when prompt and answer don't fit into `maxModelLen` tokens
 */
export function planAnswer(
  prompt: Uint32Array,
  body: Json,
  settings: { readonly maxModelLen: number; readonly seed: number },
  choice = 0,
): AnswerPlan {
  const { maxModelLen, seed } = settings;
  checkPromptLength(prompt, maxModelLen - 1);
  const room = maxModelLen - prompt.length;
  const most = readCount(body, "max_completion_tokens", 1) ??
    readCount(body, "max_output_tokens", 1) ??
    readCount(body, "max_tokens", 1) ?? room;
  if (most > room) {
    throw badRequest(
      `'max_tokens' or 'max_completion_tokens' is too large: ${most}. This model's maximum ` +
        `context length is ${maxModelLen} tokens and your request has ${prompt.length} input ` +
        `tokens (${most} > ${maxModelLen} - ${prompt.length}).`,
      "max_tokens",
    );
  }
  const least = readCount(body, "min_tokens", 0) ?? 0;
  if (least > most) {
    throw badRequest(`min_tokens must be less than or equal to max_tokens=${most}, got ${least}.`);
  }
  const random = createRandom(hashTokens(seed, prompt) + choice);
  const drawn = Math.max(1, least, Math.round(drawLogNormal(random, MEDIAN_LENGTH, LENGTH_SIGMA)));
  const length = body.ignore_eos === true ? most : Math.min(most, drawn);
  const lengthReason = body.ignore_eos === true || drawn > most ? "length" : "stop";
  let generated = 0;
  return {
    prompt,
    cacheSalt: typeof body.cache_salt === "string" ? body.cache_salt : undefined,
    length,
    lengthReason,
    nextToken() {
      generated++;
      const last = generated === length && lengthReason === "stop";
      return (last ? LAST_TOKENS : MIDDLE_TOKENS)[Math.floor(random() * WORDS.length)]!;
    },
  };
}

/** Plans a request that computes its prompt and generates nothing. */
export function planPooling(prompt: Uint32Array, maxModelLen: number): AnswerPlan {
  checkPromptLength(prompt, maxModelLen);
  return { prompt, length: 0, lengthReason: "stop", nextToken: () => 0 };
}

function checkPromptLength(prompt: Uint32Array, most: number): void {
  if (prompt.length === 0) {
    throw badRequest("The decoder prompt cannot be empty", "prompt");
  }
  if (prompt.length <= most) return;
  throw badRequest(
    `This model's maximum context length is ${most} tokens. However, your request has ` +
      `${prompt.length} input tokens. Please reduce the length of the input messages.`,
    "input_tokens",
  );
}
