import type { Engine } from "./engine.ts";
import { labelIn } from "./prometheus_text.ts";

/** vLLM, read in 0.32 and captured from real servers of several releases. */
export const vllm: Engine = {
  name: "vllm",
  owner: "vllm",
  metrics: {
    path: "/metrics",
    prefix: "vllm:",
    engineLabel: "engine",
    running: ["vllm:num_requests_running"],
    waiting: [["vllm:num_requests_waiting"]],
    kvCacheUsage: ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"],
    kvCacheTokens: ["vllm:cache_config_info"],
    blockTokensIn: (labels) => Number(labelIn(labels, "block_size") ?? NaN),
    asleep: ["vllm:engine_sleep_state"],
    counters: {
      prompt: ["vllm:prompt_tokens_total"],
      computed: ["vllm:prompt_tokens_by_source_total"],
      generation: ["vllm:generation_tokens_total"],
      prefixQueries: ["vllm:prefix_cache_queries_total"],
      prefixHits: ["vllm:prefix_cache_hits_total"],
      firstTokens: ["vllm:time_to_first_token_seconds_count"],
      firstTokenSeconds: ["vllm:time_to_first_token_seconds_sum"],
      prefills: ["vllm:request_prefill_time_seconds_count"],
      prefillSeconds: ["vllm:request_prefill_time_seconds_sum"],
      interTokens: [
        "vllm:inter_token_latency_seconds_count",
        "vllm:time_per_output_token_seconds_count",
      ],
      interTokenSeconds: [
        "vllm:inter_token_latency_seconds_sum",
        "vllm:time_per_output_token_seconds_sum",
      ],
    },
    readValue(name, labels, written) {
      if (name === "vllm:engine_sleep_state") return isAsleep(labels, written) ? 1 : 0;
      if (name === "vllm:prompt_tokens_by_source_total") {
        return labelIn(labels, "source") === "local_compute" ? written : NaN;
      }
      return name === "vllm:cache_config_info" ? cacheTokens(labels) : written;
    },
  },
};

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
