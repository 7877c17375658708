import type { Engine } from "./engine.ts";

/**
 * LMDeploy's `api_server`, read in 0.16.0. A request beyond its batch size waits in the API server,
 * which is a queue of its own. Its tokens are counted with each step, those found in the prefix
 * cache when a request ends.
 */
export const lmdeploy: Engine = {
  name: "lmdeploy",
  owner: "lmdeploy",
  metrics: {
    path: "/metrics",
    prefix: "lmdeploy:",
    engineLabel: "engine",
    running: ["lmdeploy:num_requests_running"],
    waiting: [["lmdeploy:num_requests_waiting"], ["lmdeploy:num_api_requests_waiting"]],
    kvCacheUsage: ["lmdeploy:gpu_cache_usage_perc"],
    counters: {
      prompt: ["lmdeploy:prompt_tokens_total"],
      generation: ["lmdeploy:generation_tokens_total"],
    },
  },
};
