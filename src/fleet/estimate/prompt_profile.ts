import type { LatencyModel } from "./latency_model.ts";

/** What is known of a request's work before it is done. */
export interface PromptProfile {
  /** As the request names it; an empty name is none, as with vLLM. */
  readonly model: string | undefined;
  /** Of the prompt as it stands in the body; 0 where there is none, `undefined` if unknown. */
  readonly promptBytes: number | undefined;
  /** Hashes of the prompt's full blocks, each made of the one before and its own text. */
  readonly blocks: readonly number[];
  /** Hash of what the client says belongs together, where it says so. */
  readonly session: number | undefined;
  /** Its first token will be seen. */
  readonly stream: boolean;
}

/** Bytes of prompt text in one block, some hundred tokens. */
export const BLOCK_BYTES = 512;
/** Blocks that are remembered of all servers together; one takes some sixty bytes. */
export const MOST_PREFIX_BLOCKS = 1_000_000;

/** A request at a server, as the workbook keeps it. */
export interface QueuedRequest {
  /** What was known of it before. */
  readonly profile: PromptProfile;
  /** Prompt tokens. */
  readonly promptTokens: number;
  /** Those of them that the server is not expected to have. */
  readonly ownTokens: number;
  /** Prompt tokens that the index says the server has, whatever that is worth. */
  readonly knownTokens: number;
  /** Clock time in milliseconds at which it was sent. */
  readonly at: number;
  /** Clock time in milliseconds at which its first token is to be expected. */
  readonly expectedAt: number;
  /** It found no free seat: until it has one nothing of it is computed. */
  readonly queued: boolean;
  /** How long its first token takes tells of the server's pace, and of nothing else. */
  readonly isClear: boolean;
  /** Clock time in milliseconds of its first token. */
  firstAt: number | undefined;
}

/** What is known of the work at one server, for whatever shows it. */
export interface WorkSnapshot extends LatencyModel {
  /** Prompt tokens that it has yet to compute for the router's own requests. */
  readonly pendingTokens: number;
  /** Blocks of prompts that it is believed to have in its cache. */
  readonly prefixBlocks: number;
  /**
   * Share of prompt tokens expected in its cache, 0 to 1, at the last comparison with its own
   * counters; `undefined` before one, and where that is more than ten minutes ago.
   */
  readonly predictedHitRate: number | undefined;
  /** The same as its own counters told. */
  readonly realHitRate: number | undefined;
  /** What of a predicted hit is expected to come true, 0 to 1. */
  readonly prefixTrust: number;
}

/** How long a request turned out to be, as far as that is known. */
export interface Size {
  /** As the answer told it. */
  readonly promptTokens?: number | undefined;
  /** As the answer told it, else its chunks. */
  readonly answerTokens?: number | undefined;
}
