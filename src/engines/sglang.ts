import type { Engine } from "./engine.ts";

/**
 * SGLang, read in 0.5.23. It has metrics with `--enable-metrics` only. Its gauges are written after
 * a batch of prompts, every 40 decoding steps (`--decode-log-interval`), and when it becomes idle.
 *
 * `/health` itself generates a token if the server is idle (`SGLANG_ENABLE_HEALTH_ENDPOINT_GENERATION`),
 * takes a second, and answers 503 while the server starts or stops.
 */
export const sglang: Engine = {
  name: "sglang",
  owner: "sglang",
  metrics: {
    path: "/metrics",
    prefix: "sglang:",
    engineLabel: "dp_rank",
    running: ["sglang:num_running_reqs"],
    waiting: [["sglang:num_queue_reqs"]],
    kvCacheUsage: ["sglang:token_usage"],
    kvCacheTokens: ["sglang:max_total_num_tokens"],
    counters: {
      prompt: ["sglang:prompt_tokens_total"],
      generation: ["sglang:generation_tokens_total"],
      prefixQueries: ["sglang:prompt_tokens_total"],
      prefixHits: ["sglang:cached_tokens_total"],
    },
    countsAtEnd: true,
    // By `is_streaming` and `cache_source`.
    splitsCounters: true,
  },
};
