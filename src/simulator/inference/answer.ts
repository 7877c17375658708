import { type Json, readCount } from "../api/body.ts";
import { badRequest } from "../api/errors.ts";
import { createDetokenizer } from "./detokenizer.ts";
import { type Habits, startChain, type TokenChain } from "./token_chain.ts";

/** The prompt one sequence computes and the tokens it generates. */
export interface AnswerPlan {
  readonly prompt: Uint32Array;
  readonly cacheSalt?: string | undefined;
  /** Tokens to generate. */
  readonly length: number;
  readonly lengthReason: "stop" | "length";
  /** The stop string that ends it, and the length of the text before that. */
  readonly stop?: { readonly text: string; readonly at: number } | undefined;
  /** Characters held back while it is generated: a stop string may begin there. */
  readonly heldBack: number;
  nextToken(): number;
}

const NO_HABITS: Habits = { thinks: false, callsTools: false };

/**
 * Plans the answer to a prompt. The same `seed`, prompt and `choice` always give the same answer.
 * It ends by itself between `min_tokens` and `max_tokens`, or at a stop string; with `ignore_eos` it
 * is as long as `max_tokens`.
 *
 * @throws {RequestError} when prompt and answer don't fit into `maxModelLen` tokens
 */
export function planAnswer(
  prompt: Uint32Array,
  body: Json,
  settings: { readonly maxModelLen: number; readonly seed: number },
  choice = 0,
  habits = NO_HABITS,
): AnswerPlan {
  const { maxModelLen, seed } = settings;
  const most = readMaxTokens(prompt, body, maxModelLen);
  const least = readCount(body, "min_tokens", 0) ?? 0;
  if (least > most) {
    throw badRequest(`min_tokens must be less than or equal to max_tokens=${most}, got ${least}.`);
  }
  const stops = [body.stop ?? []].flat().map(String);
  const limits = { least, most: body.ignore_eos === true ? { exactly: most } : { atMost: most } };
  const chain = () => startChain(prompt, seed + choice, habits);
  const end = endOf(chain, stops, limits);
  const answer = chain();
  let generated = 0;
  return {
    prompt,
    cacheSalt: typeof body.cache_salt === "string" ? body.cache_salt : undefined,
    ...end,
    heldBack: Math.max(0, ...stops.map(({ length }) => length - 1)),
    nextToken() {
      generated++;
      if (generated < end.length) return answer.next();
      return answer.next(end.isByItself ? "stop" : "length");
    },
  };
}

/**
 * Reads how many tokens an answer may have: all that fit into `maxModelLen`, unless it's limited.
 *
 * @throws {RequestError} when prompt and answer don't fit
 */
export function readMaxTokens(prompt: Uint32Array, body: Json, maxModelLen: number): number {
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
  return most;
}

type Limits = {
  readonly least: number;
  readonly most: { readonly exactly: number } | { readonly atMost: number };
};

/** Finds where an answer ends, by generating it. */
function endOf(
  start: () => TokenChain,
  stops: readonly string[],
  { least, most }: Limits,
): Pick<AnswerPlan, "length" | "lengthReason" | "stop"> & { readonly isByItself: boolean } {
  const isExact = "exactly" in most;
  const longest = isExact ? most.exactly : most.atMost;
  if (isExact && stops.length === 0) {
    return { length: longest, lengthReason: "length", isByItself: false };
  }
  const chain = start();
  const detokenizer = createDetokenizer();
  let text = "";
  for (let length = 1; length <= longest; length++) {
    const isByItself = !isExact && length >= least && chain.isAtEnd;
    text += detokenizer.push(chain.next(isByItself ? "stop" : undefined));
    for (const stop of stops) {
      const at = text.indexOf(stop);
      if (at < 0) continue;
      return { length, lengthReason: "stop", stop: { text: stop, at }, isByItself };
    }
    if (isByItself) return { length, lengthReason: "stop", isByItself };
  }
  return { length: longest, lengthReason: "length", isByItself: false };
}

/** Plans a request that computes its prompt and generates nothing. */
export function planPooling(prompt: Uint32Array, maxModelLen: number): AnswerPlan {
  checkPromptLength(prompt, maxModelLen);
  return { prompt, length: 0, lengthReason: "stop", heldBack: 0, nextToken: () => 0 };
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
