import type { Prefill } from "./attention.ts";
import type { Outcome } from "../outcome.ts";
import type { LatencyModel } from "./latency_model.ts";

/** What is known about a request's prompt before it is sent. */
export interface PromptProfile {
  /** The requested model. An empty name counts as none, as in vLLM. */
  readonly model: string | undefined;
  /** Length of the prompt as written in the body; 0 without a prompt, `undefined` if unknown. */
  readonly promptBytes: number | undefined;
  /** Hashes of the prompt's full blocks, each over the previous hash and the block's text. */
  readonly blocks: readonly number[];
  /** Hash of the client's session id, if any. */
  readonly session: number | undefined;
  /** Whether the answer is streamed, so that its first token is visible. */
  readonly stream: boolean;
  /**
   * Returns the blocks of the prompt that goes on with this one and its answer, as far as they can
   * be told. @default it doesn't go on, or not in a known way
   *
   * @param answer its text as it stands in JSON, without the quotes
   */
  readonly continued?: (answer: Uint8Array) => readonly number[];
}

/** Bytes of prompt text in one block, about a hundred tokens. */
export const BLOCK_BYTES = 512;
/** How prompts are hashed. Raised by a change to it: saved hashes are worthless then. */
export const HASHING = 1;
/** Maximum blocks in the index over all servers; each takes about 60 bytes. */
export const MOST_PREFIX_BLOCKS = 1_000_000;

/** A request on a server, as the estimator tracks it. */
export interface QueuedRequest {
  /** Its prompt profile. */
  readonly profile: PromptProfile;
  /** Prompt tokens. */
  readonly promptTokens: number;
  /** Prompt tokens not expected in the server's cache. */
  readonly own: Prefill;
  /** Prompt tokens that the server has according to the index, uncalibrated. */
  readonly knownTokens: number;
  /** Monotonic time in milliseconds at which it was sent. */
  readonly at: number;
  /** Monotonic time in milliseconds at which its first token is expected. */
  readonly expectedAt: number;
  /** It found no free seat, so its prefill starts only once it gets one. */
  readonly queued: boolean;
  /** Its time to first token depends only on the server's speed, so the model may learn from it. */
  readonly isClear: boolean;
  /** Monotonic time in milliseconds of its first token. */
  firstAt: number | undefined;
}

/** Snapshot of a server's pending work and learned latencies. */
export interface WorkSnapshot extends LatencyModel {
  /** Prompt tokens still to be computed for the router's own requests. */
  readonly pendingTokens: number;
  /** Prompt blocks expected in its cache. */
  readonly prefixBlocks: number;
  /**
   * Predicted prefix hit rate by tokens, 0 to 1, at the last comparison with its own counters;
   * `undefined` without a comparison in the last ten minutes.
   */
  readonly predictedHitRate: number | undefined;
  /** The same as measured by its own counters. */
  readonly realHitRate: number | undefined;
  /** Expected share of a predicted hit that comes true, 0 to 1. */
  readonly prefixTrust: number;
}

/** Expected size of a request. */
export interface ExpectedTokens {
  /** Of its prompt. */
  readonly prompt: number;
  /** Of an answer whose length isn't limited. */
  readonly answer: number;
}

/** How a request ended, as far as known. */
export interface Ended {
  /** How its attempt ended. @default unknown: what it had computed is forgotten */
  readonly outcome?: Outcome;
  /** As reported in the answer. */
  readonly promptTokens?: number | undefined;
  /** As reported in the answer, otherwise its number of chunks. */
  readonly answerTokens?: number | undefined;
  /** Tokens of the prompt that the server had in its cache, as reported in the answer. */
  readonly cachedTokens?: number | undefined;
  /** Returns the answer's text as it stands in JSON, without the quotes, if it is known. */
  readonly answer?: (() => Uint8Array | undefined) | undefined;
}
