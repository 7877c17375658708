import type { RequestRecord } from "../proxy/request_record.ts";
import { DURATION, FIRST_TOKEN, LONG_BUCKETS } from "./request_metrics.ts";

/** A traced request that stands for others in the same bucket. */
export interface Exemplar {
  readonly traceId: string;
  /** In seconds. */
  readonly value: number;
  /** Wall-clock time in milliseconds since 1970. */
  readonly at: number;
}

/** The latest exemplar of each bucket. */
export interface Exemplars {
  note(record: Readonly<RequestRecord>, traceId: string, at: number): void;
  isEmpty(): boolean;
  /** Returns that of a bucket, by its series as the page writes it. */
  of(series: string): Exemplar | undefined;
}

/** Far more than there are buckets of models that servers list. */
const MOST = 10_000;

/** Keeps exemplars of the requests' duration and of the time to first token. */
export function createExemplars(): Exemplars {
  const bySeries = new Map<string, Exemplar>();

  function set(name: string, seconds: number, labels: string, traceId: string, at: number): void {
    const bound = LONG_BUCKETS.find((bound) => seconds <= bound) ?? "+Inf";
    const series = `vllm_router_${name}_bucket{le="${bound}"${labels}}`;
    if (bySeries.size >= MOST && !bySeries.has(series)) bySeries.clear();
    bySeries.set(series, { traceId, value: seconds, at });
  }

  return {
    note({ durationMs, firstTokenMs, model }, traceId, at) {
      set(DURATION, durationMs / 1000, "", traceId, at);
      if (firstTokenMs === undefined || model === undefined) return;
      const labels = `,model="${escaped(model)}"`;
      set(FIRST_TOKEN, firstTokenMs / 1000, labels, traceId, at);
    },
    isEmpty: () => bySeries.size === 0,
    of: (series) => bySeries.get(series),
  };
}

/** Escapes a label's value as the page does. */
function escaped(value: string): string {
  return value.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/"/g, '\\"');
}
