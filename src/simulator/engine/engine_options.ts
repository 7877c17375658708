import type { Pace } from "./pace.ts";

/** Size and pace of an engine. */
export interface EngineOptions extends Pace {
  /** Maximum number of sequences in a batch. */
  readonly maxNumSeqs: number;
  /** Size of the KV cache in blocks. */
  readonly kvBlocks: number;
  /** Tokens of a block. @default BLOCK_SIZE */
  readonly blockSize?: number;
  /** Maximum number of tokens that one step computes. @default STEP_TOKEN_BUDGET */
  readonly maxNumBatchedTokens?: number;
  /** Updates `report` only at the end of a step. @default false */
  readonly metricsAtStepEnd?: boolean;
}
