import type { Pace } from "./pace.ts";

/** The size and the pace of an engine. */
export interface EngineOptions extends Pace {
  /** Sequences computed side by side. */
  readonly maxNumSeqs: number;
  /** Size of the KV cache in blocks. */
  readonly kvBlocks: number;
  /** Tokens that a step computes at most. @default STEP_TOKEN_BUDGET */
  readonly maxNumBatchedTokens?: number;
  /** `report` changes at the end of a step only. @default false */
  readonly metricsAtStepEnd?: boolean;
}
