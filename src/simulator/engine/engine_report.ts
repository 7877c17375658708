import type { Histogram, Statistics } from "./statistics.ts";

/** The engine state that /metrics reports. */
export interface EngineReport {
  readonly running: number;
  readonly waiting: number;
  readonly preemptions: number;
  readonly statistics: Statistics;
  readonly cache: {
    readonly usedBlocks: number;
    readonly totalBlocks: number;
    /** Tokens of a block. */
    readonly blockSize: number;
  };
}

/** Copies a report, so that it stays unchanged while the engine runs on. */
export function copyReport(report: EngineReport): EngineReport {
  const { running, waiting, preemptions, statistics } = report;
  const { usedBlocks, totalBlocks, blockSize } = report.cache;
  return {
    running,
    waiting,
    preemptions,
    statistics: {
      ...statistics,
      success: { ...statistics.success },
      timeToFirstToken: copyHistogram(statistics.timeToFirstToken),
      interTokenLatency: copyHistogram(statistics.interTokenLatency),
      requestLatency: copyHistogram(statistics.requestLatency),
      queueTime: copyHistogram(statistics.queueTime),
      iterationTokens: copyHistogram(statistics.iterationTokens),
    },
    cache: { usedBlocks, totalBlocks, blockSize },
  };
}

function copyHistogram(histogram: Histogram): Histogram {
  return { ...histogram, counts: [...histogram.counts] };
}
