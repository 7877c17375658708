import { type Json, readCount } from "../api/body.ts";
import { badRequest, invalidValue } from "../api/errors.ts";
import { createDetokenizer } from "./detokenizer.ts";
import { followScript, type Script } from "./script.ts";
import { readStops, type Stop, stopIn, type Stops } from "./stops.ts";
import { type Habits, startChain, type TokenChain } from "./token_chain.ts";

/** The prompt one sequence computes and the tokens it generates. */
export interface AnswerPlan {
  readonly prompt: Uint32Array;
  readonly cacheSalt?: string | undefined;
  /** Tokens to generate. */
  readonly length: number;
  readonly lengthReason: "stop" | "length";
  /** What ends it before its own end. */
  readonly stop?: Stop | undefined;
  /** Characters held back while it is generated: a stop string may begin there. */
  readonly heldBack: number;
  nextToken(): number;
}

const NO_HABITS: Habits = { thinks: false, callsTools: false };

/**
 * Plans the answer to a prompt. The same `seed`, prompt and `choice` always give the same answer.
 * It ends by itself between `min_tokens` and `max_tokens`, or at a stop string or token; with
 * `ignore_eos` it is as long as `max_tokens`.
 *
 * @param script the answer's text, if it isn't free
 * @throws {RequestError} when prompt and answer don't fit into `maxModelLen` tokens
 */
export function planAnswer(
  prompt: Uint32Array,
  body: Json,
  settings: { readonly maxModelLen: number; readonly seed: number },
  choice = 0,
  habits = NO_HABITS,
  script?: Script,
): AnswerPlan {
  const { maxModelLen, seed } = settings;
  const most = readMaxTokens(prompt, body, maxModelLen);
  const least = readCount(body, "min_tokens", 0) ?? 0;
  if (least > most) {
    throw badRequest(`min_tokens must be less than or equal to max_tokens=${most}, got ${least}.`);
  }
  const stops = readStops(body);
  const isExact = body.ignore_eos === true;
  const begin = (): TokenChain => {
    const chain = startChain(prompt, seed + choice, habits);
    return script ? followScript(chain, script, habits.thinks) : chain;
  };
  const end = isExact && !stops.some
    ? { length: most, lengthReason: "length", isByItself: false } as const
    : endOf(begin(), stops, { least, most, isExact });
  const answer = begin();
  let generated = 0;
  return {
    prompt,
    cacheSalt: typeof body.cache_salt === "string" ? body.cache_salt : undefined,
    ...end,
    heldBack: stops.heldBack,
    nextToken() {
      generated++;
      if (generated < end.length) return answer.next();
      return answer.next(end.isByItself ? "stop" : "length");
    },
  };
}

const LIMITS = ["max_completion_tokens", "max_output_tokens", "max_tokens"] as const;

/**
 * Reads how many tokens an answer may have. Like vLLM, it gives fewer than are wanted if the prompt
 * leaves less room.
 *
 * @throws {RequestError} when not even one fits, or more are wanted than ever fit
 */
export function readMaxTokens(prompt: Uint32Array, body: Json, maxModelLen: number): number {
  checkPromptLength(prompt, maxModelLen);
  const name = LIMITS.find((name) => typeof body[name] === "number");
  const wanted = name === undefined ? Infinity : Number(body[name]);
  if (name !== undefined && wanted > maxModelLen) {
    const message =
      `${name}=${wanted} cannot be greater than max_model_len=${maxModelLen}. Please ` +
      "request fewer output tokens.";
    throw invalidValue(message, name, wanted);
  }
  const most = Math.min(wanted, maxModelLen - prompt.length);
  if (most >= 1) return most;
  throw invalidValue(`max_tokens must be at least 1, got ${most}.`, "max_tokens", most);
}

interface Limits {
  readonly least: number;
  readonly most: number;
  /** It doesn't end by itself. */
  readonly isExact: boolean;
}

/** Finds where an answer ends, by generating it. */
function endOf(
  chain: TokenChain,
  stops: Stops,
  { least, most, isExact }: Limits,
): Pick<AnswerPlan, "length" | "lengthReason" | "stop"> & { readonly isByItself: boolean } {
  const detokenizer = createDetokenizer();
  let text = "";
  /** Characters of the tokens that `min_tokens` asks for, in which no stop string counts. */
  let before = 0;
  for (let length = 1; length <= most; length++) {
    const isByItself = !isExact && length >= least && chain.isAtEnd;
    const token = chain.next(isByItself ? "stop" : undefined);
    const textBefore = text.length;
    text += detokenizer.push(token);
    if (length <= least) before = text.length;
    else {
      const stop = stopIn(stops, text, before, token, textBefore);
      if (stop) return { length, lengthReason: "stop", stop, isByItself };
    }
    if (isByItself) return { length, lengthReason: "stop", isByItself };
  }
  return { length: most, lengthReason: "length", isByItself: false };
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
  // vLLM doesn't tokenize more than one token too many.
  const message = `This model's maximum context length is ${most} tokens. However, your prompt ` +
    `contains at least ${
      most + 1
    } input tokens, which exceeds this limit even without any output ` +
    "tokens. Please reduce the length of the input prompt.";
  throw invalidValue(message, "input_tokens", most + 1);
}
