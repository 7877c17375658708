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
  /** What making the load cost, where there was a load to make. */
  readonly effort?: Effort;
}

/** How hard a replay was for this machine: whether its figures can be trusted. */
export interface Effort {
  /** By how much the latest of a hundred requests was sent too late, in our milliseconds. */
  readonly lateMs: number;
  /** Cores that the load and the simulators used. */
  readonly loadCores: number;
  /** Cores that the contender used. */
  readonly contenderCores: number;
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
  readonly effort?: Effort;
}

export function summaryOf({ samples, failed, hitRate, effort }: Outcomes): Summary {
  return {
    firstToken: figuresOf(samples.map(({ firstTokenMs }) => firstTokenMs)),
    total: figuresOf(samples.map(({ totalMs }) => totalMs)),
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
