import { type AnswerPlan, planAnswer } from "../../src/simulator/inference/answer.ts";
import { renderChat } from "../../src/simulator/inference/prompt.ts";
import { detokenize } from "../../src/simulator/inference/tokenizer.ts";
import { createSequence } from "../../src/simulator/engine/sequence.ts";

/** A message of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** A request of a workload, without its arrival time. */
export interface Draft {
  readonly messages: readonly Message[];
  /** Tokens to generate, scaled by {@linkcode ANSWER_SCALE}. */
  readonly answerTokens: number;
  /** Arrival time in the original trace, in milliseconds. */
  readonly originalMs?: number;
}

/** A request of a replay, the same for every contender. */
export interface TimedRequest {
  /** Arrival time since the replay's start, in milliseconds of fleet time. */
  readonly atMs: number;
  /** The JSON body. */
  readonly body: Uint8Array;
  /** The prompt in the simulator's tokens. */
  readonly prompt: Uint32Array;
  /** Hashes of the prompt's full blocks, as used by the servers' caches. */
  readonly blockHashes: readonly number[];
  readonly answerTokens: number;
  /** Returns the answer's text as it stands in JSON, without the quotes. */
  answer(): Uint8Array;
}

export const MODEL = "simulated-model";
/** Maximum length of prompt plus answer, in tokens. */
export const MAX_MODEL_LEN = 131_072;
/** Makes every simulated server give the same answer to the same prompt. */
export const ANSWER_SEED = 1;

/**
 * Factor by which answers are shorter than in the trace and their tokens slower. They hold a seat
 * for the same time but produce fewer events for the load process to read.
 */
export const ANSWER_SCALE = 2;

const encoder = new TextEncoder();

/** Returns the number of tokens that the simulated servers generate for an answer. */
export function scaledAnswer(tokens: number): number {
  return Math.max(1, Math.round(tokens / ANSWER_SCALE));
}

/** Returns the answer that every simulated server generates for this prompt. */
export function answerTo(prompt: Uint32Array, tokens: number): AnswerPlan {
  const settings = { maxModelLen: MAX_MODEL_LEN, seed: ANSWER_SEED };
  return planAnswer(prompt, { max_tokens: tokens, ignore_eos: true }, settings);
}

export function timed(draft: Draft, atMs: number): TimedRequest {
  const { messages, answerTokens } = draft;
  const json = {
    model: MODEL,
    messages,
    max_tokens: answerTokens,
    ignore_eos: true,
    stream: true,
    stream_options: { include_usage: true },
  };
  const prompt = renderChat(json);
  let answer: Uint8Array | undefined;
  return {
    atMs,
    body: encoder.encode(JSON.stringify(json)),
    prompt,
    blockHashes: hashesOf(prompt),
    answerTokens,
    answer: () =>
      answer ??= encoder.encode(JSON.stringify(textOfAnswer(prompt, answerTokens)).slice(1, -1)),
  };
}

/** Returns the text of the answer that every simulated server generates for this prompt. */
export function textOfAnswer(prompt: Uint32Array, tokens: number): string {
  const plan = answerTo(prompt, tokens);
  return detokenize(Array.from({ length: tokens }, () => plan.nextToken()));
}

/** Returns the hashes of a prompt's full blocks, as computed by the engine. */
export function hashesOf(prompt: Uint32Array): readonly number[] {
  const unused = () => {
    throw new Error("Only the hashes are used");
  };
  return createSequence({
    prompt,
    length: 0,
    lengthReason: "length",
    nextToken: unused,
    onToken: unused,
    onFinish: unused,
  }, 0).blockHashes;
}
