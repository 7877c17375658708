import type { TokenCounters } from "../fleet/estimate/load.ts";
import { createSampleReader, labelIn } from "./prometheus_text.ts";

/** Values the router reads from a vLLM server's `/metrics`; `undefined` if not reported. */
export interface ServerMetrics {
  /** Requests in the batch, over all engines. */
  readonly running: number | undefined;
  /** Requests in the queue, over all engines. */
  readonly waiting: number | undefined;
  /** 0 to 1, the mean over engines. */
  readonly kvCacheUsage: number | undefined;
  /** Size of the KV cache in tokens, over all engines. */
  readonly kvCacheTokens: number | undefined;
  /** Counters since the server's start. */
  readonly counters: TokenCounters;
  /** At least one engine sleeps. */
  readonly asleep: boolean;
  /** Its limit of open files. */
  readonly maxFds: number | undefined;
}

/** The plausible values of a metric. Any other counts as unknown. */
type Range = readonly [least: number, most: number];

const REQUESTS: Range = [0, 1_000_000];
const SHARE: Range = [0, 1];
/** Tokens or seconds since the start. */
const COUNTED: Range = [0, Number.MAX_SAFE_INTEGER];
const CACHE_TOKENS: Range = [1, 1e12];
const MOST_ENGINES = 1_024;

const RANGES: { readonly [name: string]: Range } = {
  "vllm:num_requests_running": REQUESTS,
  "vllm:num_requests_waiting": REQUESTS,
  "vllm:kv_cache_usage_perc": SHARE,
  "vllm:gpu_cache_usage_perc": SHARE,
  "vllm:cache_config_info": CACHE_TOKENS,
  "vllm:prompt_tokens_total": COUNTED,
  "vllm:generation_tokens_total": COUNTED,
  "vllm:prefix_cache_queries_total": COUNTED,
  "vllm:prefix_cache_hits_total": COUNTED,
  "vllm:time_to_first_token_seconds_count": COUNTED,
  "vllm:time_to_first_token_seconds_sum": COUNTED,
  "vllm:inter_token_latency_seconds_count": COUNTED,
  "vllm:inter_token_latency_seconds_sum": COUNTED,
  "vllm:time_per_output_token_seconds_count": COUNTED,
  "vllm:time_per_output_token_seconds_sum": COUNTED,
  "vllm:engine_sleep_state": SHARE,
  "process_max_fds": COUNTED,
};

const readSamples = createSampleReader(Object.keys(RANGES));

/**
 * Reads a Prometheus text page. Engines of a data-parallel server are summed (KV use averaged);
 * of several series of one engine, which older releases export per process and mostly stale, the
 * largest counts. A page without vLLM's lines (`--disable-log-stats`) gives `undefined`s, which
 * means "unknown" and not "idle". A number outside its range is unknown too.
 *
 * @throws {Error} with the reason if the page has too many lines, samples or engines
 */
export function parseMetrics(page: string): ServerMetrics {
  /** By metric and engine. */
  const found = new Map<string, Map<string, number>>();
  readSamples(page, (name, labels, written) => {
    const value = valueOf(name, labels, written);
    if (!isWithin(value, RANGES[name]!)) return;
    let engines = found.get(name);
    if (!engines) found.set(name, engines = new Map());
    const engine = labelIn(labels, "engine") ?? "0";
    engines.set(engine, Math.max(value, engines.get(engine) ?? 0));
    if (engines.size > MOST_ENGINES) {
      throw new Error(`/metrics has more than ${MOST_ENGINES} engines`);
    }
  });

  /** Sum over all engines. Older releases use another name for some metrics. */
  const sum = (name: string, olderName = name): number | undefined => {
    const engines = found.get(name) ?? found.get(olderName);
    if (!engines) return undefined;
    const total = engines.values().reduce((a, b) => a + b, 0);
    return isWithin(total, RANGES[name]!) ? total : undefined;
  };
  const engines = found.get("vllm:kv_cache_usage_perc") ?? found.get("vllm:gpu_cache_usage_perc");
  return {
    running: sum("vllm:num_requests_running"),
    waiting: sum("vllm:num_requests_waiting"),
    kvCacheUsage: engines && engines.values().reduce((a, b) => a + b, 0) / engines.size,
    kvCacheTokens: sum("vllm:cache_config_info"),
    counters: {
      prompt: sum("vllm:prompt_tokens_total"),
      generation: sum("vllm:generation_tokens_total"),
      prefixQueries: sum("vllm:prefix_cache_queries_total"),
      prefixHits: sum("vllm:prefix_cache_hits_total"),
      firstTokens: sum("vllm:time_to_first_token_seconds_count"),
      firstTokenSeconds: sum("vllm:time_to_first_token_seconds_sum"),
      interTokens: sum(
        "vllm:inter_token_latency_seconds_count",
        "vllm:time_per_output_token_seconds_count",
      ),
      interTokenSeconds: sum(
        "vllm:inter_token_latency_seconds_sum",
        "vllm:time_per_output_token_seconds_sum",
      ),
    },
    asleep: [...found.get("vllm:engine_sleep_state")?.values() ?? []].some((asleep) => asleep > 0),
    maxFds: sum("process_max_fds"),
  };
}

const isWithin = (value: number, [least, most]: Range) => value >= least && value <= most;

/** The value of a sample, which some metrics carry in their labels. */
function valueOf(name: string, labels: string, written: number): number {
  if (name === "vllm:engine_sleep_state") return isAsleep(labels, written) ? 1 : 0;
  return name === "vllm:cache_config_info" ? cacheTokens(labels) : written;
}

/** Whether a sample reports sleep: a state other than `awake` is set, or `awake` is unset. */
function isAsleep(labels: string, value: number): boolean {
  return labelIn(labels, "sleep_state") === "awake" ? value === 0 : value === 1;
}

/** The size of an engine's KV cache, which is given in tokens or in blocks. */
function cacheTokens(labels: string): number {
  const number = (name: string) => Number(labelIn(labels, name) ?? NaN);
  const tokens = number("kv_cache_size_tokens");
  return tokens > 0 ? tokens : number("num_gpu_blocks") * number("block_size");
}
