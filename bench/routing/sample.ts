import { mean, quantile } from "./quantiles.ts";

/** Times of one request, in milliseconds of fleet time since it was due. */
export interface Sample {
  readonly firstTokenMs: number;
  readonly totalMs: number;
  /** The total time over the answer's tokens. */
  readonly perTokenMs: number;
}

export function sampleOf(firstTokenMs: number, totalMs: number, answerTokens: number): Sample {
  return { firstTokenMs, totalMs, perTokenMs: totalMs / answerTokens };
}

/** Results of one replay to one contender. */
export interface Outcomes {
  /** Completely answered requests. */
  readonly samples: readonly Sample[];
  readonly failed: number;
  /** Prefix hit rate of the prompt tokens, 0 to 1. */
  readonly hitRate: number;
  /** Cost of generating the load, if any. */
  readonly effort?: Effort;
}

/** Load of this machine during a replay, which shows whether the figures are reliable. */
export interface Effort {
  /** 99th percentile of how late requests were sent, in real milliseconds. */
  readonly lateMs: number;
  /** CPU cores used by the load and the simulators. */
  readonly loadCores: number;
  /** CPU cores used by the contender. */
  readonly contenderCores: number;
}

/** Figures of one replay, in milliseconds. */
export interface Figures {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** Summary of a replay. */
export interface Summary {
  readonly firstToken: Figures;
  readonly total: Figures;
  /** Of the total time per answer token. */
  readonly perToken: Figures;
  readonly hitRate: number;
  readonly failed: number;
  readonly effort?: Effort;
}

export function summaryOf({ samples, failed, hitRate, effort }: Outcomes): Summary {
  return {
    firstToken: figuresOf(samples.map(({ firstTokenMs }) => firstTokenMs)),
    total: figuresOf(samples.map(({ totalMs }) => totalMs)),
    perToken: figuresOf(samples.map(({ perTokenMs }) => perTokenMs)),
    hitRate,
    failed,
    ...(effort && { effort }),
  };
}

export function figuresOf(values: readonly number[]): Figures {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    mean: mean(values),
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
  };
}
