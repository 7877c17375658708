import assert from "node:assert/strict";
import { extraPathIn, whyNotForwarded } from "../../src/config/extra_paths.ts";
import { asksEngine, endpoints } from "../../src/vllm/endpoints.ts";

const paths = endpoints.map(({ path }) => path);

Deno.test("the inference paths of vLLM and vLLM-Omni are forwarded, each with one method", () => {
  const groups = `
    /v1/chat/completions /v1/completions /v1/responses /v1/messages
    /inference/v1/generate /cohere/v2/chat
    /v1/embeddings /v2/embed /pooling /classify /score /v1/score /generative_scoring
    /rerank /v1/rerank /v2/rerank /v1/moderations /tokenize /detokenize /tokenizer_info
    /v1/messages/count_tokens /v1/chat/completions/batch
    /v1/audio/transcriptions /v1/audio/translations
    /v1/audio/speech /v1/audio/speech/batch /v1/audio/generate /v1/audio/voices
    /v1/images/generations /v1/images/edits /v1/images/variations /v1/videos/sync`;
  assert.deepEqual(paths.toSorted(), groups.trim().split(/\s+/).sort());
  assert.ok(endpoints.every(({ does }) => does !== ""));
  const gets = endpoints.filter(({ method }) => method === "GET").map(({ path }) => path);
  assert.deepEqual(gets, ["/tokenizer_info", "/v1/audio/voices"]);
});

Deno.test("no forwarded path is a management route or the router's own", () => {
  for (const endpoint of endpoints) assert.equal(whyNotForwarded(endpoint), undefined);
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
      "/v1/omni/sleep",
      "/SLEEP",
      "/fault_tolerance/apply",
    ]
  ) {
    assert.ok(!paths.includes(path), path);
    assert.match(whyNotForwarded(extraPathIn(path)!)!, /management route of vLLM/);
  }
  assert.match(whyNotForwarded(extraPathIn("GET /metrics")!)!, /answers \/metrics itself/);
});

Deno.test("an extra path is a POST, or a GET, of plain characters", () => {
  assert.deepEqual(extraPathIn("/v1/custom"), { method: "POST", path: "/v1/custom" });
  assert.deepEqual(extraPathIn("GET /v1/a-b_c.json"), { method: "GET", path: "/v1/a-b_c.json" });
  for (
    const bad of [
      "",
      "/",
      "v1/x",
      "/x/",
      "//x",
      "/x//y",
      "/./sleep",
      "/x/../sleep",
      "/%73leep",
      "/x?y",
      "/x y",
      "DELETE /x",
      "get /x",
      "/*",
      3,
      undefined,
    ]
  ) assert.equal(extraPathIn(bad), undefined, String(bad));
});

Deno.test("paths that only convert between text and tokens don't use the engine, whatever the query", () => {
  const without = paths.filter((path) => !asksEngine(path));
  assert.deepEqual(without, [
    "/tokenize",
    "/detokenize",
    "/tokenizer_info",
    "/v1/messages/count_tokens",
    "/v1/audio/voices",
  ]);
  assert.equal(asksEngine("/tokenize?beta=true"), false);
});
