import { BLOCK_SIZE } from "./kv_cache.ts";
import type { Engine } from "./engine.ts";
import type { Histogram } from "./statistics.ts";

/**
 * The document of GET /metrics, in vLLM's names, labels and number format. `createdSeconds` is
 * when the server started, in seconds since 1970.
 */
export function renderMetrics(
  engine: Engine,
  model: string,
  createdSeconds: number,
  asleep: boolean,
): string {
  const { statistics, cache } = engine;
  const lines = processMetrics();
  const labels = (more: Record<string, string> = {}) =>
    renderLabels({ engine: "0", ...more, model_name: model });

  function head(name: string, help: string, type: string): void {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
  }
  function gauge(
    name: string,
    help: string,
    samples: [Record<string, string>, number][],
  ): void {
    head(`vllm:${name}`, help, "gauge");
    for (const [more, value] of samples) {
      lines.push(`vllm:${name}${labels(more)} ${formatNumber(value)}`);
    }
  }
  function created(
    name: string,
    help: string,
    samples: Record<string, string>[],
  ): void {
    gauge(
      `${name}_created`,
      help,
      samples.map((more) => [more, createdSeconds]),
    );
  }
  function counter(
    name: string,
    help: string,
    samples: [Record<string, string>, number][],
  ): void {
    head(`vllm:${name}_total`, help, "counter");
    for (const [more, value] of samples) {
      lines.push(`vllm:${name}_total${labels(more)} ${formatNumber(value)}`);
    }
    created(name, help, samples.map(([more]) => more));
  }
  function histogram(
    name: string,
    help: string,
    { bounds, counts, sum, count }: Histogram,
  ): void {
    head(`vllm:${name}`, help, "histogram");
    let below = 0;
    [...bounds, Infinity].forEach((bound, index) => {
      below += counts[index]!;
      const bucket = labels({ le: formatNumber(bound) });
      lines.push(`vllm:${name}_bucket${bucket} ${formatNumber(below)}`);
    });
    lines.push(`vllm:${name}_count${labels()} ${formatNumber(count)}`);
    lines.push(`vllm:${name}_sum${labels()} ${formatNumber(sum)}`);
    created(name, help, [{}]);
  }

  gauge(
    "num_requests_running",
    "Number of requests in model execution batches.",
    [
      [{}, engine.running],
    ],
  );
  gauge("num_requests_waiting", "Number of requests waiting to be processed.", [
    [{}, engine.waiting],
  ]);
  gauge(
    "num_requests_waiting_by_reason",
    "Number of waiting requests by reason.",
    [
      [{ reason: "capacity" }, engine.waiting],
      [{ reason: "deferred" }, 0],
    ],
  );
  gauge("engine_sleep_state", "Engine sleep state.", [
    [{ sleep_state: "awake" }, asleep ? 0 : 1],
    [{ sleep_state: "weights_offloaded" }, asleep ? 1 : 0],
    [{ sleep_state: "discard_all" }, 0],
  ]);
  gauge("kv_cache_usage_perc", "KV-cache usage. 1 means 100 percent usage.", [
    [{}, cache.usedBlocks / cache.totalBlocks],
  ]);
  counter(
    "prefix_cache_queries",
    "Prefix cache queries, in number of tokens.",
    [
      [{}, statistics.prefixQueries],
    ],
  );
  counter(
    "prefix_cache_hits",
    "Prefix cache hits, in number of cached tokens.",
    [
      [{}, statistics.prefixHits],
    ],
  );
  counter("num_preemptions", "Cumulative number of preemptions.", [[
    {},
    engine.preemptions,
  ]]);
  counter("prompt_tokens", "Number of prefill tokens processed.", [[
    {},
    statistics.promptTokens,
  ]]);
  counter("generation_tokens", "Number of generation tokens processed.", [
    [{}, statistics.generationTokens],
  ]);
  counter(
    "request_success",
    "Count of successfully processed requests.",
    Object.entries(statistics.success).map(([reason, count]) => [
      { finished_reason: reason },
      count,
    ]),
  );
  histogram(
    "iteration_tokens_total",
    "Tokens per engine step.",
    statistics.iterationTokens,
  );
  histogram(
    "time_to_first_token_seconds",
    "Time to first token in seconds.",
    statistics.timeToFirstToken,
  );
  histogram(
    "inter_token_latency_seconds",
    "Inter-token latency in seconds.",
    statistics.interTokenLatency,
  );
  histogram(
    "e2e_request_latency_seconds",
    "End to end request latency in seconds.",
    statistics.requestLatency,
  );
  histogram(
    "request_queue_time_seconds",
    "Time spent in the WAITING phase.",
    statistics.queueTime,
  );
  head(
    "vllm:cache_config_info",
    "Information of the LLMEngine CacheConfig",
    "gauge",
  );
  const config = renderLabels({
    block_size: String(BLOCK_SIZE),
    cache_dtype: "auto",
    enable_prefix_caching: "True",
    engine: "0",
    kv_cache_size_tokens: String(cache.totalBlocks * BLOCK_SIZE),
    num_gpu_blocks: String(cache.totalBlocks),
  });
  lines.push(`vllm:cache_config_info${config} 1.0`, "");
  return lines.join("\n");
}

/** What is left of the page with --disable-log-stats. */
export function renderMetricsWithoutStats(): string {
  return [...processMetrics(), ""].join("\n");
}

function processMetrics(): string[] {
  return [
    "# HELP process_max_fds Maximum number of open file descriptors.",
    "# TYPE process_max_fds gauge",
    "process_max_fds 65536.0",
  ];
}

function renderLabels(labels: Record<string, string>): string {
  const pairs = Object.entries(labels).sort().map(([name, value]) => {
    const escaped = value.replace(
      /[\\"\n]/g,
      (char) => char === "\n" ? "\\n" : `\\${char}`,
    );
    return `${name}="${escaped}"`;
  });
  return `{${pairs.join(",")}}`;
}

/** A number as Prometheus' Python client writes it: `3.0`, `0.25`, `6.4929219e+07`, `+Inf`. */
export function formatNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  const text = Number.isInteger(value) ? `${value}.0` : String(value);
  const dot = text.indexOf(".");
  if (dot <= 6 || text.includes("e")) return text;
  const digits = `${text[0]}.${text.slice(1, dot)}${text.slice(dot + 1)}`
    .replace(/\.?0+$/, "");
  return `${digits}e+${String(dot - 1).padStart(2, "0")}`;
}
