import { type AnswerPlan, planAnswer } from "../../src/simulator/answer.ts";
import { renderChat } from "../../src/simulator/prompt.ts";
import { createSequence } from "../../src/simulator/sequence.ts";

/** A part of a conversation. */
export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

/** What a workload asks, without the moment at which it does. */
export interface Draft {
  readonly messages: readonly Message[];
  /** Tokens to generate, as the simulated servers generate them: see {@linkcode ANSWER_SCALE}. */
  readonly answerTokens: number;
  /** When it came in the trace it was taken from, in milliseconds. */
  readonly originalMs?: number;
}

/** A request of a replay, the same for every contender. */
export interface TimedRequest {
  /** Since the replay's start, in milliseconds of the fleet's time. */
  readonly atMs: number;
  /** The JSON that a client sends. */
  readonly body: Uint8Array;
  /** The same in the simulator's tokens. */
  readonly prompt: Uint32Array;
  /** Of the prompt's full blocks, as the servers' caches know them. */
  readonly blockHashes: readonly number[];
  readonly answerTokens: number;
}

export const MODEL = "simulated-model";
/** The longest prompt and answer together, in tokens. */
export const MAX_MODEL_LEN = 131_072;
/** Makes every simulated server give the same answer to the same prompt. */
export const ANSWER_SEED = 1;

/**
 * Answers are so many times shorter than the trace's and their tokens as many times slower: they
 * keep their seat as long and make fewer events, which the load process has to read.
 */
export const ANSWER_SCALE = 2;

const encoder = new TextEncoder();

/** Tokens of an answer as the simulated servers generate it. */
export function scaledAnswer(tokens: number): number {
  return Math.max(1, Math.round(tokens / ANSWER_SCALE));
}

/** What every simulated server generates after this prompt. */
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
  return {
    atMs,
    body: encoder.encode(JSON.stringify(json)),
    prompt,
    blockHashes: hashesOf(prompt),
    answerTokens,
  };
}

/** The hashes of a prompt's full blocks, as the engine makes them. */
export function hashesOf(prompt: Uint32Array): readonly number[] {
  const unused = () => {
    throw new Error("Only the hashes are wanted");
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
