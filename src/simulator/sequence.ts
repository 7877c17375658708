import { BLOCK_SIZE } from "./kv_cache.ts";
import { hashTokens } from "./token_hash.ts";

/** Why a sequence ended: by itself, at its limit, or because its request was given up. */
export type FinishReason = "stop" | "length" | "abort";

/** What the engine is asked to do: compute a prompt, then generate so many tokens after it. */
export interface SequenceRequest {
  /** Token ids. */
  readonly prompt: Uint32Array;
  /** Separates the prefix cache of those who use it from everybody else's. */
  readonly cacheSalt?: string | undefined;
  /** Tokens to generate; 0 for a request that only needs its prompt computed. */
  readonly length: number;
  /** Why the sequence ends after `length` tokens. */
  readonly lengthReason: "stop" | "length";
  /** Draws the next token of the answer. */
  nextToken(): number;
  onToken(token: number): void;
  onFinish(reason: FinishReason): void;
  /** Makes no progress after so many tokens while it keeps its place. @default never */
  readonly hangAfterTokens?: number | undefined;
  /** Steps with this sequence in them take so many times as long. @default 1 */
  readonly slowdown?: number | undefined;
}

/** A request on its way through the engine. */
export interface Sequence {
  readonly request: SequenceRequest;
  readonly arrivedAtMs: number;
  /** Hashes of the full blocks so far, each one covering all tokens up to its end. */
  readonly blockHashes: number[];
  /** Generated tokens. */
  readonly generated: number[];
  /** Blocks held in the KV cache. */
  blocks: number[];
  /** Tokens whose keys and values are in the KV cache, or will be at the end of the step. */
  computed: number;
  /** Tokens to compute in the current step. */
  scheduled: number;
  /** Prompt tokens found in the KV cache when it was first admitted; null before. */
  cachedTokens: number | null;
  /** When its newest token was made; null before the first. */
  lastTokenAtMs: number | null;
  /** Has left the waiting queue for the first time. */
  admitted: boolean;
  ended: boolean;
}

/** A sequence of which nothing is computed yet. */
export function createSequence(request: SequenceRequest, arrivedAtMs: number): Sequence {
  const sequence: Sequence = {
    request,
    arrivedAtMs,
    blockHashes: [],
    generated: [],
    blocks: [],
    computed: 0,
    scheduled: 0,
    cachedTokens: null,
    lastTokenAtMs: null,
    admitted: false,
    ended: false,
  };
  hashFullBlocks(sequence);
  return sequence;
}

/** Tokens of the prompt and the answer so far. */
export function tokenCount(sequence: Sequence): number {
  return sequence.request.prompt.length + sequence.generated.length;
}

/** It has made all the tokens it ever will, and has not ended. */
export function isHung(sequence: Sequence): boolean {
  return sequence.generated.length >= (sequence.request.hangAfterTokens ?? Infinity);
}

/** Adds a generated token, and the hash of the block it fills. */
export function appendToken(sequence: Sequence, token: number): void {
  sequence.generated.push(token);
  hashFullBlocks(sequence);
}

function hashFullBlocks(sequence: Sequence): void {
  const { request: { prompt, cacheSalt }, generated, blockHashes } = sequence;
  const fullBlocks = Math.floor(tokenCount(sequence) / BLOCK_SIZE);
  while (blockHashes.length < fullBlocks) {
    const start = blockHashes.length * BLOCK_SIZE;
    const end = start + BLOCK_SIZE;
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
