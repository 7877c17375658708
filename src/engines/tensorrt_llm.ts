import type { Engine } from "./engine.ts";

/**
 * TensorRT-LLM's `trtllm-serve`, read in 1.x of 2026. It has these metrics with
 * `return_perf_metrics: true`, the gauges with `enable_iter_perf_stats: true` as well; they are
 * those of its last step. `/metrics` is another page: JSON statistics of each step, which are gone
 * once read.
 */
export const tensorrtLlm: Engine = {
  name: "tensorrt-llm",
  owner: "tensorrt_llm",
  metrics: {
    path: "/prometheus/metrics",
    prefix: "trtllm_",
    running: ["trtllm_num_requests_running"],
    waiting: [["trtllm_num_requests_waiting"]],
    kvCacheUsage: ["trtllm_kv_cache_utilization"],
    counters: {
      prompt: ["trtllm_prompt_tokens_total"],
      generation: ["trtllm_generation_tokens_total"],
      prefixQueries: ["trtllm_prompt_tokens_total"],
      prefixHits: ["trtllm_prompt_cached_tokens_total"],
    },
    countsAtEnd: true,
  },
};
