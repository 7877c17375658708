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

/** They only turn text into tokens, or back. */
const WITHOUT_ENGINE: ReadonlySet<string> = new Set([
  "/tokenize",
  "/detokenize",
  "/v1/messages/count_tokens",
]);

/** Whether a server has to compute a prompt for it. */
export function asksEngine(target: string): boolean {
  return !WITHOUT_ENGINE.has(target.split("?", 1)[0]!);
}

/**
 * Path and query of a request's address, as they were written. Whoever asks what is forwarded and
 * whoever forwards read the address with this one function: two readings would differ somewhere,
 * and the difference would lead to a path that was never allowed.
 */
export function targetOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}

/** What a host and a port may be made of. */
const HOST = /^[\w.~!$&'()*+,;=%:[\]-]*$/;

/**
 * The path of a request as it was written: nothing is decoded, so that no spelling of a path but
 * its own is found. Empty where the address isn't one: the runtime makes it of `Host` and target
 * as they came, and what `Host` holds could begin the path.
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
