import { pathIn } from "../http/paths.ts";

/** A forwarded path. */
export interface Endpoint {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly does: string;
}

const post = (path: string, does: string): Endpoint => ({ method: "POST", path, does });
const get = (path: string, does: string): Endpoint => ({ method: "GET", path, does });

/**
 * All forwarded paths of vLLM and vLLM-Omni, besides `extra_paths`. Paths not listed here are
 * unreachable, because vLLM servers also have management routes and plugins can add any path. Not
 * every server has every path: one without it answers 404 or 405, and another one is asked. Paths
 * whose state lives on one server, such as the jobs of `/v1/videos`, aren't listed.
 */
export const endpoints: readonly Endpoint[] = [
  // Generation, streamed if the body requests it.
  post("/v1/chat/completions", "chat"),
  post("/v1/completions", "text"),
  post("/v1/responses", "OpenAI's Responses"),
  post("/v1/messages", "Anthropic's Messages"),
  post("/inference/v1/generate", "tokens to tokens"),
  post("/cohere/v2/chat", "Cohere's chat"),
  // A single JSON response.
  post("/v1/embeddings", "embeddings"),
  post("/v2/embed", "Cohere's embeddings"),
  post("/pooling", "hidden states"),
  post("/classify", "classes of texts"),
  post("/score", "similarity of texts"),
  post("/v1/score", "similarity of texts"),
  post("/generative_scoring", "probabilities of answers"),
  post("/rerank", "ranks of documents"),
  post("/v1/rerank", "ranks of documents"),
  post("/v2/rerank", "ranks of documents"),
  post("/v1/moderations", "OpenAI's moderation"),
  post("/tokenize", "text to tokens"),
  post("/detokenize", "tokens to text"),
  get("/tokenizer_info", "the tokenizer's configuration, for `?model=`"),
  post("/v1/messages/count_tokens", "length of an Anthropic request"),
  post("/v1/chat/completions/batch", "several chats"),
  // Multipart upload.
  post("/v1/audio/transcriptions", "speech to text"),
  post("/v1/audio/translations", "speech to English text"),
  // vLLM-Omni: audio, images and videos.
  post("/v1/audio/speech", "text to speech"),
  post("/v1/audio/speech/batch", "several texts to speech"),
  post("/v1/audio/generate", "text to sound or music"),
  get("/v1/audio/voices", "names of voices, for `?model=`"),
  post("/v1/images/generations", "text to images"),
  post("/v1/images/edits", "images to images"),
  post("/v1/images/variations", "variations of an image"),
  post("/v1/videos/sync", "text to a video"),
];

/** A WebSocket: live transcription. */
export const REALTIME_PATH = "/v1/realtime";

/** Paths that only convert between text and tokens, or describe the server. */
const WITHOUT_ENGINE: ReadonlySet<string> = new Set([
  "/tokenize",
  "/detokenize",
  "/tokenizer_info",
  "/v1/audio/voices",
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
