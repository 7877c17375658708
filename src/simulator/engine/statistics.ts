import type { FinishReason, Sequence } from "./sequence.ts";

/** A Prometheus histogram. `counts` has one element more than `bounds`. */
export interface Histogram {
  readonly bounds: readonly number[];
  readonly counts: number[];
  sum: number;
  count: number;
}

/** The engine's counters; times in seconds. */
export interface Statistics {
  promptTokens: number;
  /** Of these, found in the KV cache. */
  cachedPromptTokens: number;
  generationTokens: number;
  prefixQueries: number;
  prefixHits: number;
  readonly success: Record<FinishReason, number>;
  readonly timeToFirstToken: Histogram;
  readonly interTokenLatency: Histogram;
  readonly requestLatency: Histogram;
  readonly queueTime: Histogram;
  readonly prefillTime: Histogram;
  readonly iterationTokens: Histogram;
}

// vLLM's buckets.
// deno-fmt-ignore
const FIRST_TOKEN_SECONDS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
  160, 640, 2560,
];
// deno-fmt-ignore
const INTER_TOKEN_SECONDS = [
  0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
];
// deno-fmt-ignore
const REQUEST_SECONDS = [
  0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
];
const ITERATION_TOKENS = [1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384];

/** Creates statistics with all counters at zero. */
export function createStatistics(): Statistics {
  return {
    promptTokens: 0,
    cachedPromptTokens: 0,
    generationTokens: 0,
    prefixQueries: 0,
    prefixHits: 0,
    success: { stop: 0, length: 0, abort: 0 },
    timeToFirstToken: createHistogram(FIRST_TOKEN_SECONDS),
    interTokenLatency: createHistogram(INTER_TOKEN_SECONDS),
    requestLatency: createHistogram(REQUEST_SECONDS),
    queueTime: createHistogram(REQUEST_SECONDS),
    prefillTime: createHistogram(REQUEST_SECONDS),
    iterationTokens: createHistogram(ITERATION_TOKENS),
  };
}

/** Records that a sequence leaves the waiting queue for the first time, at engine time `nowMs`. */
export function recordAdmission(statistics: Statistics, sequence: Sequence, nowMs: number): void {
  statistics.prefixQueries += sequence.request.prompt.length;
  statistics.prefixHits += sequence.cachedTokens ?? 0;
  observe(statistics.queueTime, secondsSince(sequence.arrivedAtMs, nowMs));
}

/** Records a generated token, or the completion of a request that generates none. */
export function recordToken(statistics: Statistics, sequence: Sequence, nowMs: number): void {
  const { request, arrivedAtMs, admittedAtMs, lastTokenAtMs } = sequence;
  if (lastTokenAtMs === null) {
    observe(statistics.prefillTime, secondsSince(admittedAtMs ?? arrivedAtMs, nowMs));
    statistics.promptTokens += request.prompt.length;
    statistics.cachedPromptTokens += sequence.cachedTokens ?? 0;
    observe(statistics.timeToFirstToken, secondsSince(arrivedAtMs, nowMs));
  } else {
    observe(statistics.interTokenLatency, secondsSince(lastTokenAtMs, nowMs));
  }
  if (request.length > 0) statistics.generationTokens++;
}

/** Records the end of a sequence. */
export function recordEnd(
  statistics: Statistics,
  sequence: Sequence,
  reason: FinishReason,
  nowMs: number,
): void {
  statistics.success[reason]++;
  observe(statistics.requestLatency, secondsSince(sequence.arrivedAtMs, nowMs));
}

/** Adds a value to its bucket. */
export function observe(histogram: Histogram, value: number): void {
  const index = histogram.bounds.findIndex((bound) => value <= bound);
  histogram.counts[index < 0 ? histogram.bounds.length : index]!++;
  histogram.sum += value;
  histogram.count++;
}

function secondsSince(thenMs: number, nowMs: number): number {
  return (nowMs - thenMs) / 1000;
}

function createHistogram(bounds: readonly number[]): Histogram {
  return { bounds, counts: new Array(bounds.length + 1).fill(0), sum: 0, count: 0 };
}
