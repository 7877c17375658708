/**
 * Every path that is forwarded, all of them `POST`. Plugins can give a vLLM server any path, its
 * management routes among them, so what is not listed here is not reachable.
 */
export const inferencePaths: readonly string[] = [
  // Generation, streamed when the body says so.
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
  "/v1/messages",
  "/inference/v1/generate",
  "/cohere/v2/chat",
  // One JSON answer.
  "/v1/embeddings",
  "/v2/embed",
  "/pooling",
  "/classify",
  "/score",
  "/v1/score",
  "/rerank",
  "/v1/rerank",
  "/v2/rerank",
  "/tokenize",
  "/detokenize",
  "/v1/messages/count_tokens",
  "/v1/chat/completions/batch",
  // Multipart upload.
  "/v1/audio/transcriptions",
  "/v1/audio/translations",
];
