import { BLOCK_SIZE } from "../../../src/simulator/engine/kv_cache.ts";
import type { Job } from "./jobs.ts";

/** A request at a server. */
export interface Active {
  readonly job: Job;
  /** Blocks held in the KV cache. */
  blocks: number[];
  /** Tokens that are in the KV cache, or will be at the end of the step. */
  computed: number;
  /** Tokens to compute in the current step. */
  scheduled: number;
  /** Number of tokens generated. */
  generated: number;
}

export function begin(job: Job): Active {
  return { job, blocks: [], computed: 0, scheduled: 0, generated: 0 };
}

export function copyOf(active: Active): Active {
  return { ...active, blocks: active.blocks.slice() };
}

/** Returns the number of prompt and generated tokens. */
export function tokenCount({ job, generated }: Active): number {
  return job.promptTokens + generated;
}

export function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK_SIZE);
}

export function fullBlocks(tokens: number): number {
  return Math.floor(tokens / BLOCK_SIZE);
}
