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
  return !WITHOUT_ENGINE.has(target.split("?", 1)[0]!);
}

/**
 * Returns the path and query of a URL, unchanged. Both the path check and the proxy must use this
 * function: if two parsers disagreed, a request could reach a path that was never allowed.
 */
export function targetOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}

/** Valid characters of a host and port. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/**
 * Returns the path of a request without decoding it, so that only the exact spelling of a path
 * matches. Empty for an invalid URL: the runtime concatenates the unchecked `Host` and target, so
 * part of `Host` could become the start of the path.
 */
export function pathOf({ url, headers }: Pick<Request, "url" | "headers">): string {
  const authority = url.indexOf("//") + 2;
  const start = url.indexOf("/", authority);
  if (start === -1 || url.includes("#") || !HOST.test(url.slice(authority, start))) return "";
  const host = headers.get("host");
  if (host !== null && !HOST.test(host)) return "";
  const query = url.indexOf("?", start);
  return url.slice(start, query === -1 ? undefined : query);
}
