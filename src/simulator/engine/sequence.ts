import { BLOCK_SIZE } from "./kv_cache.ts";
import { hashTokens } from "./token_hash.ts";

/** Why a sequence ended: by itself, at its limit, or because its request was aborted. */
export type FinishReason = "stop" | "length" | "abort";

/** A request to the engine: compute a prompt, then generate `length` tokens. */
export interface SequenceRequest {
  /** Token ids. */
  readonly prompt: Uint32Array;
  /** Separates the prefix cache of requests with this salt from all others. */
  readonly cacheSalt?: string | undefined;
  /** Tokens to generate; 0 for a request that only computes its prompt. */
  readonly length: number;
  /** Why the sequence ends after `length` tokens. */
  readonly lengthReason: "stop" | "length";
  /** Draws the next token of the answer. */
  nextToken(): number;
  onToken(token: number): void;
  onFinish(reason: FinishReason): void;
  /** Number of tokens after which it stalls but keeps its place. @default never */
  readonly hangAfterTokens?: number | undefined;
  /** Factor that lengthens every step with this sequence. @default 1 */
  readonly slowdown?: number | undefined;
}

/** A request being served by the engine. */
export interface Sequence {
  readonly request: SequenceRequest;
  readonly arrivedAtMs: number;
  /** Tokens of a block. */
  readonly blockSize: number;
  /** Hashes of the full blocks so far. Each hash covers all tokens up to the block's end. */
  readonly blockHashes: number[];
  /** Generated tokens. */
  readonly generated: number[];
  /** Blocks held in the KV cache. */
  blocks: number[];
  /** Tokens whose keys and values are in the KV cache, or will be at the end of the step. */
  computed: number;
  /** Tokens to compute in the current step. */
  scheduled: number;
  /** Prompt tokens found in the KV cache at first admission; null before. */
  cachedTokens: number | null;
  /** When the newest token was generated; null before the first. */
  lastTokenAtMs: number | null;
  /** When the sequence left the waiting queue for the first time; null before. */
  admittedAtMs: number | null;
  ended: boolean;
}

/** Creates a sequence with nothing computed. */
export function createSequence(
  request: SequenceRequest,
  arrivedAtMs: number,
  blockSize = BLOCK_SIZE,
): Sequence {
  const sequence: Sequence = {
    request,
    arrivedAtMs,
    blockSize,
    blockHashes: [],
    generated: [],
    blocks: [],
    computed: 0,
    scheduled: 0,
    cachedTokens: null,
    lastTokenAtMs: null,
    admittedAtMs: null,
    ended: false,
  };
  hashFullBlocks(sequence);
  return sequence;
}

/** Returns the number of prompt and generated tokens. */
export function tokenCount(sequence: Sequence): number {
  return sequence.request.prompt.length + sequence.generated.length;
}

/** Returns the sum, over `count` tokens that follow `before` others, of the tokens before each. */
export function attendedTokens(count: number, before: number): number {
  return count * (before + (count - 1) / 2);
}

/** Returns whether the sequence has reached `hangAfterTokens`. */
export function isHung(sequence: Sequence): boolean {
  return sequence.generated.length >= (sequence.request.hangAfterTokens ?? Infinity);
}

/** Appends a generated token and, if it fills a block, the block's hash. */
export function appendToken(sequence: Sequence, token: number): void {
  sequence.generated.push(token);
  hashFullBlocks(sequence);
}

function hashFullBlocks(sequence: Sequence): void {
  const { request: { prompt, cacheSalt }, blockSize, generated, blockHashes } = sequence;
  const fullBlocks = Math.floor(tokenCount(sequence) / blockSize);
  while (blockHashes.length < fullBlocks) {
    const start = blockHashes.length * blockSize;
    const end = start + blockSize;
    const block = end <= prompt.length ? prompt.subarray(start, end) : [
      ...prompt.subarray(start),
      ...generated.slice(Math.max(0, start - prompt.length), end - prompt.length),
    ];
    blockHashes.push(hashTokens(blockHashes.at(-1) ?? hashSalt(cacheSalt), block));
  }
}

function hashSalt(cacheSalt: string | undefined): number {
  return cacheSalt ? hashTokens(1, new TextEncoder().encode(cacheSalt)) : 0;
}
