import type { TokenCounters } from "../fleet/estimate/load.ts";
import { createSampleReader, labelIn } from "./prometheus_text.ts";

/** Values the router reads from a server's metrics; `undefined` if not reported. */
export interface ServerMetrics {
  /** Requests in the batch, over all engines. */
  readonly running: number | undefined;
  /** Requests in the queue, over all engines. */
  readonly waiting: number | undefined;
  /** 0 to 1, the mean over engines. */
  readonly kvCacheUsage: number | undefined;
  /** Size of the KV cache in tokens, over all engines. */
  readonly kvCacheTokens: number | undefined;
  /** Tokens of a block of the KV cache, which hits are multiples of. */
  readonly kvBlockTokens: number | undefined;
  /** Counters since the server's start. */
  readonly counters: TokenCounters;
  /** At least one engine sleeps. */
  readonly asleep: boolean;
  /** Its limit of open files. */
  readonly maxFds: number | undefined;
}

/** A metric's name, and the one it has in older releases. */
export type Names = readonly [name: string, olderName?: string];

/** How an engine names its metrics. Those that it doesn't have are left out. */
export interface MetricNames {
  /** Path of the page. */
  readonly path: string;
  /** What all of the engine's metrics begin with, by which its page is recognised. */
  readonly prefix: string;
  /** Requests in the batch. */
  readonly running?: Names;
  /** Queues, whose requests are added up. */
  readonly waiting?: readonly Names[];
  /** 0 to 1. */
  readonly kvCacheUsage?: Names;
  /** In tokens. */
  readonly kvCacheTokens?: Names;
  /** Returns the tokens of a block from the labels of `kvCacheTokens`. */
  readonly blockTokensIn?: (labels: string) => number;
  /** Counters since the server's start, in tokens or seconds. */
  readonly counters?: { readonly [counter in Exclude<keyof TokenCounters, "atEnd">]?: Names };
  /** The counters move when a request ends, not with each step. @default false */
  readonly countsAtEnd?: boolean;
  /** 1 if an engine sleeps. */
  readonly asleep?: Names;
  /** Label that tells the engines of a data-parallel server apart. */
  readonly engineLabel?: string;
  /**
   * Whether all series of a counter are added up, because other labels split it. @default the
   * largest of an engine's series counts
   */
  readonly splitsCounters?: boolean;
  /** The value of a sample, which some metrics carry in their labels. @default the one written */
  readonly readValue?: (name: string, labels: string, written: number) => number;
}

/** The plausible values of a metric. Any other counts as unknown. */
type Range = readonly [least: number, most: number];

const REQUESTS: Range = [0, 1_000_000];
const SHARE: Range = [0, 1];
/** Tokens or seconds since the start. */
const COUNTED: Range = [0, Number.MAX_SAFE_INTEGER];
const CACHE_TOKENS: Range = [1, 1e12];
const BLOCK_TOKENS: Range = [1, 65_536];
const MOST_ENGINES = 1_024;
const MAX_FDS: Names = ["process_max_fds"];

const isWithin = (value: number, [least, most]: Range) => value >= least && value <= most;

/**
 * Creates a reader of an engine's Prometheus text pages. Engines of a data-parallel server are
 * summed (KV use averaged); of several series of one engine, which vLLM's older releases export per
 * process and mostly stale, the largest counts. A page without the engine's lines gives
 * `undefined`s, which means "unknown" and not "idle". A number outside its range is unknown too.
 *
 * The reader throws an `Error` with the reason if the page has too many lines, samples or engines.
 */
export function createPageReader(names: MetricNames): (page: string) => ServerMetrics {
  const { readValue = (_name, _labels, written) => written } = names;
  const counters = Object.entries(names.counters ?? {});
  const ranges = new Map<string, Range>([
    ...rangeOf(names.running, REQUESTS),
    ...(names.waiting ?? []).flatMap((queue) => rangeOf(queue, REQUESTS)),
    ...rangeOf(names.kvCacheUsage, SHARE),
    ...rangeOf(names.kvCacheTokens, CACHE_TOKENS),
    ...rangeOf(names.asleep, SHARE),
    ...counters.flatMap(([, counter]) => rangeOf(counter, COUNTED)),
    ...rangeOf(MAX_FDS, COUNTED),
  ]);
  const split = new Set(names.splitsCounters ? counters.flatMap(([, counter]) => counter) : []);
  const readSamples = createSampleReader(ranges.keys(), names.prefix.length);

  return (page) => {
    /** By metric and engine. */
    const found = new Map<string, Map<string, number>>();
    let kvBlockTokens: number | undefined;
    readSamples(page, (name, labels, written) => {
      const value = readValue(name, labels, written);
      if (!isWithin(value, ranges.get(name)!)) return;
      if (names.blockTokensIn && name === names.kvCacheTokens?.[0]) {
        const tokens = names.blockTokensIn(labels);
        if (isWithin(tokens, BLOCK_TOKENS)) kvBlockTokens = tokens;
      }
      let engines = found.get(name);
      if (!engines) found.set(name, engines = new Map());
      const engine = split.has(name) ? labels : engineIn(labels, names.engineLabel);
      engines.set(engine, Math.max(value, engines.get(engine) ?? 0));
      if (engines.size > MOST_ENGINES) {
        throw new Error(`/metrics has more than ${MOST_ENGINES} engines`);
      }
    });

    const valuesOf = (
      [name, olderName = name]: Names = [""],
    ) => [...found.get(name)?.values() ?? found.get(olderName)?.values() ?? []];
    /** Sum over all engines. */
    const sum = (wanted: Names | undefined): number | undefined => {
      const values = valuesOf(wanted);
      const total = values.reduce((a, b) => a + b, 0);
      return values.length > 0 && isWithin(total, ranges.get(wanted![0])!) ? total : undefined;
    };
    const queues = (names.waiting ?? []).map(sum).filter((length) => length !== undefined);
    const shares = valuesOf(names.kvCacheUsage);
    return {
      running: sum(names.running),
      waiting: queues.length > 0 ? queues.reduce((a, b) => a + b) : undefined,
      kvCacheUsage: shares.length > 0
        ? shares.reduce((a, b) => a + b, 0) / shares.length
        : undefined,
      kvCacheTokens: sum(names.kvCacheTokens),
      kvBlockTokens,
      counters: {
        prompt: sum(names.counters?.prompt),
        computed: sum(names.counters?.computed),
        generation: sum(names.counters?.generation),
        prefixQueries: sum(names.counters?.prefixQueries),
        prefixHits: sum(names.counters?.prefixHits),
        firstTokens: sum(names.counters?.firstTokens),
        firstTokenSeconds: sum(names.counters?.firstTokenSeconds),
        prefills: sum(names.counters?.prefills),
        prefillSeconds: sum(names.counters?.prefillSeconds),
        interTokens: sum(names.counters?.interTokens),
        interTokenSeconds: sum(names.counters?.interTokenSeconds),
        ...(names.countsAtEnd && { atEnd: true }),
      },
      asleep: valuesOf(names.asleep).some((asleep) => asleep > 0),
      maxFds: sum(MAX_FDS),
    };
  };
}

function rangeOf(names: Names | undefined, range: Range): [string, Range][] {
  return (names ?? []).flatMap((name) => name === undefined ? [] : [[name, range]]);
}

function engineIn(labels: string, label: string | undefined): string {
  return (label === undefined ? undefined : labelIn(labels, label)) ?? "0";
}
