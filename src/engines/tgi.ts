import type { Engine } from "./engine.ts";

/**
 * Hugging Face's Text Generation Inference, read in 3.3.7. Its models are owned by themselves, so
 * only its metrics tell what it is. Its gauges appear with the first request.
 */
export const tgi: Engine = {
  name: "tgi",
  metrics: {
    path: "/metrics",
    prefix: "tgi_",
    running: ["tgi_batch_current_size"],
    waiting: [["tgi_queue_size"]],
    counters: {
      prompt: ["tgi_request_input_length_sum"],
      generation: ["tgi_request_generated_tokens_sum"],
    },
    countsAtEnd: true,
  },
};
