import { pathIn } from "../http/paths.ts";

/**
 * All forwarded paths; the method is always `POST`. Paths not listed here are unreachable, because
 * vLLM servers also have management routes and plugins can add any path.
 */
export const inferencePaths: readonly string[] = [
  // Generation, streamed if the body requests it.
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
  "/v1/messages",
  "/inference/v1/generate",
  "/cohere/v2/chat",
  // A single JSON response.
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

/** A WebSocket: live transcription. */
export const REALTIME_PATH = "/v1/realtime";

/** Paths that only convert between text and tokens. */
const WITHOUT_ENGINE: ReadonlySet<string> = new Set([
  "/tokenize",
  "/detokenize",
  "/v1/messages/count_tokens",
]);

/** Whether a request makes the server's engine process a prompt. */
export function asksEngine(target: string): boolean {
  return !WITHOUT_ENGINE.has(pathIn(target));
}

/** Paths whose answers have tokens of their own. */
const GENERATING: ReadonlySet<string> = new Set([
  "/v1/chat/completions",
  "/v1/completions",
  "/v1/responses",
  "/v1/messages",
  "/inference/v1/generate",
  "/cohere/v2/chat",
  "/v1/chat/completions/batch",
  "/v1/audio/transcriptions",
  "/v1/audio/translations",
]);

/** Whether the engine generates tokens for a request, besides processing its prompt. */
export function generates(target: string): boolean {
  return GENERATING.has(pathIn(target));
}

/** Paths whose streams report their tokens only if `stream_options` asks for it. */
const USAGE_IF_ASKED: ReadonlySet<string> = new Set([
  "/v1/chat/completions",
  "/v1/completions",
  "/inference/v1/generate",
]);

/** Whether a stream reports its tokens only if its request asks for it. */
export function tellsUsageIfAsked(target: string): boolean {
  return USAGE_IF_ASKED.has(pathIn(target));
}

/** Answers 200 while the engine process is alive. */
export const HEALTH_PATH = "/health";
/** Lists the served models. */
export const MODELS_PATH = "/v1/models";
/** The engine's state and counters, in Prometheus' text format. */
export const METRICS_PATH = "/metrics";
