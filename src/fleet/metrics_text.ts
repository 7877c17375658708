/** What the router reads from a vLLM server's `/metrics` page; `undefined` where it doesn't say. */
export interface ServerMetrics {
  /** Requests in the batch, over all engines. */
  readonly running: number | undefined;
  /** Requests in the queue, over all engines. */
  readonly waiting: number | undefined;
  /** 0 to 1, the mean over engines. */
  readonly kvCacheUsage: number | undefined;
  /** Tokens that its KV cache holds, over all engines. */
  readonly kvCacheTokens: number | undefined;
  /** Tokens since the server's start. */
  readonly counters: TokenCounters;
  /** An engine sleeps. */
  readonly asleep: boolean;
  /** Its limit of open files. */
  readonly maxFds: number | undefined;
}

/** Tokens since the server's start, over all its engines; `undefined` where it doesn't say. */
export interface TokenCounters {
  /** Of prompts. */
  readonly prompt: number | undefined;
  /** Generated. */
  readonly generation: number | undefined;
  /** Looked for in the prefix cache. */
  readonly prefixQueries: number | undefined;
  /** Found in the prefix cache. */
  readonly prefixHits: number | undefined;
  /** Generated as the first of an answer. */
  readonly firstTokens?: number | undefined;
  /** Seconds until these, since their requests came, in all. */
  readonly firstTokenSeconds?: number | undefined;
  /** Generated after another one. */
  readonly interTokens?: number | undefined;
  /** Seconds between these and those before them, in all. */
  readonly interTokenSeconds?: number | undefined;
}

interface Sample {
  readonly engine: string;
  readonly labels: string;
  readonly value: number;
}

/**
 * Reads a Prometheus text page. Engines of a data-parallel server are summed (KV use averaged);
 * of several series of one engine, which older releases export per process and mostly stale, the
 * largest counts. A page without vLLM's lines (`--disable-log-stats`) gives `undefined`s, which
 * means "unknown" and not "idle".
 */
export function parseMetrics(page: string): ServerMetrics {
  const kvCache = perEngine(samples(page, "vllm:kv_cache_usage_perc"));
  const olderKvCache = perEngine(samples(page, "vllm:gpu_cache_usage_perc"));
  return {
    running: sum(perEngine(samples(page, "vllm:num_requests_running"))),
    waiting: sum(perEngine(samples(page, "vllm:num_requests_waiting"))),
    kvCacheUsage: mean(kvCache.length > 0 ? kvCache : olderKvCache),
    kvCacheTokens: sum(cacheSizes(samples(page, "vllm:cache_config_info"))),
    counters: {
      prompt: sum(perEngine(samples(page, "vllm:prompt_tokens_total"))),
      generation: sum(perEngine(samples(page, "vllm:generation_tokens_total"))),
      prefixQueries: sum(perEngine(samples(page, "vllm:prefix_cache_queries_total"))),
      prefixHits: sum(perEngine(samples(page, "vllm:prefix_cache_hits_total"))),
      firstTokens: sum(perEngine(samples(page, "vllm:time_to_first_token_seconds_count"))),
      firstTokenSeconds: sum(perEngine(samples(page, "vllm:time_to_first_token_seconds_sum"))),
      interTokens: sum(perEngine(interTokens(page, "count"))),
      interTokenSeconds: sum(perEngine(interTokens(page, "sum"))),
    },
    asleep: isAsleep(samples(page, "vllm:engine_sleep_state")),
    maxFds: samples(page, "process_max_fds")[0]?.value,
  };
}

/** Samples of the metric with exactly that name. A page is large: only its lines are looked at. */
function samples(page: string, name: string): Sample[] {
  const found: Sample[] = [];
  for (
    let at = page.indexOf(name);
    at !== -1;
    at = page.indexOf(name, at + name.length)
  ) {
    if (at > 0 && page[at - 1] !== "\n") continue;
    const end = page.indexOf("\n", at);
    const sample = parseSample(
      page.slice(at + name.length, end === -1 ? undefined : end),
    );
    if (sample) found.push(sample);
  }
  return found;
}

/** A line's rest after the name: optional labels, a value, an optional timestamp. */
function parseSample(rest: string): Sample | undefined {
  const match = /^(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?[ \t]+(\S+)/.exec(
    rest,
  );
  const value = match ? Number(match[2]) : NaN;
  if (!match || !Number.isFinite(value)) return undefined;
  const labels = match[1] ?? "";
  return { engine: label(labels, "engine") ?? "0", labels, value };
}

function label(labels: string, name: string): string | undefined {
  for (
    const [, key, value] of labels.matchAll(
      /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g,
    )
  ) {
    if (key === name) return value;
  }
  return undefined;
}

/** Of each engine the largest value. */
function perEngine(found: readonly Sample[]): number[] {
  const largest = new Map<string, number>();
  for (const { engine, value } of found) {
    largest.set(engine, Math.max(value, largest.get(engine) ?? 0));
  }
  return [...largest.values()];
}

/** Time between tokens; older releases have another name for it. */
function interTokens(page: string, part: "count" | "sum"): Sample[] {
  const found = samples(page, `vllm:inter_token_latency_seconds_${part}`);
  return found.length > 0 ? found : samples(page, `vllm:time_per_output_token_seconds_${part}`);
}

/** Each engine says once how large its cache is, in tokens or in blocks. */
function cacheSizes(found: readonly Sample[]): number[] {
  const number = (labels: string, name: string) => Number(label(labels, name) ?? NaN);
  const sizes = new Map<string, number>();
  for (const { engine, labels } of found) {
    const tokens = number(labels, "kv_cache_size_tokens");
    const size = tokens > 0
      ? tokens
      : number(labels, "num_gpu_blocks") * number(labels, "block_size");
    if (size > 0) sizes.set(engine, size);
  }
  return [...sizes.values()];
}

/** Asleep is what says so: another state than `awake` set, or `awake` unset. */
function isAsleep(found: readonly Sample[]): boolean {
  return found.some(({ labels, value }) =>
    label(labels, "sleep_state") === "awake" ? value === 0 : value === 1
  );
}

const sum = (values: readonly number[]) =>
  values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0);

const mean = (values: readonly number[]) => {
  const total = sum(values);
  return total === undefined ? undefined : total / values.length;
};
