import { mean, quantile } from "./quantiles.ts";

/** How one request fared, in milliseconds of the fleet's time since it was due. */
export interface Sample {
  readonly firstTokenMs: number;
  readonly totalMs: number;
}

/** All requests of one replay to one contender. */
export interface Outcomes {
  /** Those answered to their end. */
  readonly samples: readonly Sample[];
  readonly failed: number;
  /** Of the prompt tokens, 0 to 1. */
  readonly hitRate: number;
}

/** Figures of one replay; times in milliseconds. */
export interface Figures {
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/** What a replay is summed up in. */
export interface Summary {
  readonly firstToken: Figures;
  readonly total: Figures;
  readonly hitRate: number;
  readonly failed: number;
}

export function summaryOf({ samples, failed, hitRate }: Outcomes): Summary {
  return {
    firstToken: figuresOf(samples.map(({ firstTokenMs }) => firstTokenMs)),
    total: figuresOf(samples.map(({ totalMs }) => totalMs)),
    hitRate,
    failed,
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
