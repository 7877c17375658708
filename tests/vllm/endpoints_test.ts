import assert from "node:assert/strict";
import { asksEngine, inferencePaths } from "../../src/vllm/endpoints.ts";

Deno.test("the inference paths of vLLM's first three groups are forwarded", () => {
  const groups = `
    /v1/chat/completions /v1/completions /v1/responses /v1/messages
    /inference/v1/generate /cohere/v2/chat
    /v1/embeddings /v2/embed /pooling /classify /score /v1/score
    /rerank /v1/rerank /v2/rerank /tokenize /detokenize
    /v1/messages/count_tokens /v1/chat/completions/batch
    /v1/audio/transcriptions /v1/audio/translations`;
  assert.deepEqual(
    [...inferencePaths].sort(),
    groups.trim().split(/\s+/).sort(),
  );
});

Deno.test("management routes are not forwarded", () => {
  for (
    const path of [
      "/invocations",
      "/v1/load_lora_adapter",
      "/v1/unload_lora_adapter",
      "/start_profile",
      "/reset_prefix_cache",
      "/sleep",
      "/wake_up",
      "/collective_rpc",
      "/pause",
      "/abort_requests",
      "/update_weights",
      "/docs",
      "/openapi.json",
    ]
  ) assert.ok(!inferencePaths.includes(path), path);
});

Deno.test("paths that only convert between text and tokens don't use the engine, whatever the query", () => {
  const without = inferencePaths.filter((path) => !asksEngine(path));
  assert.deepEqual(without, ["/tokenize", "/detokenize", "/v1/messages/count_tokens"]);
  assert.equal(asksEngine("/tokenize?beta=true"), false);
});
