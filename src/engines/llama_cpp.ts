import type { Engine } from "./engine.ts";

/**
 * The server of llama.cpp, read in b11434. It has metrics with `--metrics` only, and answers 501
 * without. While it loads its model, every page is a 503. Its count of prompt tokens leaves out
 * those found in the cache; releases before `prompt_tokens_cached_total` count the latter nowhere,
 * so the prefix hit rate is unknown. So is the KV cache usage: `kv_cache_usage_ratio` is gone.
 */
export const llamaCpp: Engine = {
  name: "llama.cpp",
  owner: "llamacpp",
  metrics: {
    path: "/metrics",
    prefix: "llamacpp:",
    running: ["llamacpp:requests_processing"],
    waiting: [["llamacpp:requests_deferred"]],
    counters: {
      prompt: ["llamacpp:prompt_tokens_total"],
      generation: ["llamacpp:tokens_predicted_total"],
    },
    countsAtEnd: true,
  },
};
