import type { EngineReport } from "../engine/engine_report.ts";
import { PrometheusText } from "./prometheus_text.ts";

/**
 * Renders the page of GET /metrics with vLLM's names, labels and number format. `createdSeconds` is
 * the server's start time, in seconds since 1970.
 */
export function renderMetrics(
  engine: EngineReport,
  model: string,
  createdSeconds: number,
  asleep: boolean,
): string {
  const page = new PrometheusText({ engine: "0", model_name: model }, createdSeconds);
  writeProcess(page);
  writeRequests(page, engine, asleep);
  writeTokens(page, engine);
  writeTimes(page, engine);
  writeCacheConfig(page, engine);
  return page.toString();
}

/** Renders the page that remains with --disable-log-stats. */
export function renderMetricsWithoutStats(): string {
  const page = new PrometheusText({}, 0);
  writeProcess(page);
  return page.toString();
}

function writeProcess(page: PrometheusText): void {
  page.bareGauge("process_max_fds", "Maximum number of open file descriptors.", {}, 65536);
}

function writeRequests(page: PrometheusText, engine: EngineReport, asleep: boolean): void {
  const { running, waiting, cache } = engine;
  page.gauge(
    "vllm:num_requests_running",
    "Number of requests in model execution batches.",
    [{}, running],
  );
  page.gauge(
    "vllm:num_requests_waiting",
    "Number of requests waiting to be processed.",
    [{}, waiting],
  );
  page.gauge(
    "vllm:num_requests_waiting_by_reason",
    "Number of waiting requests by reason.",
    [{ reason: "capacity" }, waiting],
    [{ reason: "deferred" }, 0],
  );
  page.gauge(
    "vllm:engine_sleep_state",
    "Engine sleep state.",
    [{ sleep_state: "awake" }, asleep ? 0 : 1],
    [{ sleep_state: "weights_offloaded" }, asleep ? 1 : 0],
    [{ sleep_state: "discard_all" }, 0],
  );
  page.gauge(
    "vllm:kv_cache_usage_perc",
    "KV-cache usage. 1 means 100 percent usage.",
    [{}, cache.usedBlocks / cache.totalBlocks],
  );
}

function writeTokens(page: PrometheusText, { statistics, preemptions }: EngineReport): void {
  page.counter(
    "vllm:prefix_cache_queries",
    "Prefix cache queries, in number of tokens.",
    [{}, statistics.prefixQueries],
  );
  page.counter(
    "vllm:prefix_cache_hits",
    "Prefix cache hits, in number of cached tokens.",
    [{}, statistics.prefixHits],
  );
  page.counter(
    "vllm:num_preemptions",
    "Cumulative number of preemptions.",
    [{}, preemptions],
  );
  page.counter(
    "vllm:prompt_tokens",
    "Number of prefill tokens processed.",
    [{}, statistics.promptTokens],
  );
  const { promptTokens, cachedPromptTokens } = statistics;
  page.counter(
    "vllm:prompt_tokens_by_source",
    "Number of prompt tokens by source.",
    [{ source: "local_compute" }, promptTokens - cachedPromptTokens],
    [{ source: "local_cache_hit" }, cachedPromptTokens],
    [{ source: "external_kv_transfer" }, 0],
  );
  page.counter(
    "vllm:generation_tokens",
    "Number of generation tokens processed.",
    [{}, statistics.generationTokens],
  );
  page.counter(
    "vllm:request_success",
    "Count of successfully processed requests.",
    ...Object.entries(statistics.success).map(([reason, count]) =>
      [{ finished_reason: reason }, count] as const
    ),
  );
  page.histogram(
    "vllm:iteration_tokens_total",
    "Tokens per engine step.",
    statistics.iterationTokens,
  );
}

function writeTimes(page: PrometheusText, { statistics }: EngineReport): void {
  page.histogram(
    "vllm:time_to_first_token_seconds",
    "Time to first token in seconds.",
    statistics.timeToFirstToken,
  );
  page.histogram(
    "vllm:inter_token_latency_seconds",
    "Inter-token latency in seconds.",
    statistics.interTokenLatency,
  );
  page.histogram(
    "vllm:e2e_request_latency_seconds",
    "End to end request latency in seconds.",
    statistics.requestLatency,
  );
  page.histogram(
    "vllm:request_queue_time_seconds",
    "Time spent in the WAITING phase.",
    statistics.queueTime,
  );
  page.histogram(
    "vllm:request_prefill_time_seconds",
    "Time spent in the PREFILL phase.",
    statistics.prefillTime,
  );
}

function writeCacheConfig(page: PrometheusText, { cache }: EngineReport): void {
  page.bareGauge("vllm:cache_config_info", "Information of the LLMEngine CacheConfig", {
    block_size: String(cache.blockSize),
    cache_dtype: "auto",
    enable_prefix_caching: "True",
    engine: "0",
    kv_cache_size_tokens: String(cache.totalBlocks * cache.blockSize),
    num_gpu_blocks: String(cache.totalBlocks),
  }, 1);
}
