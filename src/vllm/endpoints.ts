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

/** Answers 200 while the engine process is alive. */
export const HEALTH_PATH = "/health";
/** Lists the served models. */
export const MODELS_PATH = "/v1/models";
/** The engine's state and counters, in Prometheus' text format. */
export const METRICS_PATH = "/metrics";
