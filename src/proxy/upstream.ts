import type { Outcome } from "../fleet/outcome.ts";
import { watchSilence } from "./silence.ts";

/** One request to one server. */
export interface UpstreamRequest {
  readonly url: string;
  readonly headers: [string, string][];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly client: Deno.HttpClient;
  /** Silence that ends it, in milliseconds. */
  readonly timeoutMs: number;
  /** Aborts when the client leaves, which ends it at any stage. */
  readonly clientGone: AbortSignal;
}

/** An exchange with a server, from the request to the last byte of the answer. */
export interface Upstream {
  /** The answer's head. Throws when there is none. */
  head(): Promise<Response>;
  /** The next bytes as they arrive, `undefined` at a clean end. Throws when the answer breaks. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Drops the connection. */
  close(): void;
  /** What an error that `head` or `read` threw means. */
  outcomeOf(error: unknown): Outcome;
}

/** A token's event is a few hundred bytes; a read that fills its buffer earns a larger one. */
const SMALLEST_READ = 512;
const LARGEST_READ = 64 * 1024;

export function openUpstream(request: UpstreamRequest): Upstream {
  const { clientGone } = request;
  const abort = new AbortController();
  let silent = false;
  let closed = false;
  let hasHead = false;
  let reader: ReadableStreamBYOBReader | undefined;
  let size = SMALLEST_READ;

  const silence = watchSilence(request.timeoutMs, () => {
    silent = true;
    close();
  });
  const finish = (): undefined => {
    silence.stop();
    clientGone.removeEventListener("abort", close);
  };
  const close = () => {
    finish();
    closed = true;
    abort.abort();
    // Once the head is here, a garbage collection may cut the signal's link to the body: without
    // this the connection stays open and the server goes on generating.
    reader?.cancel().catch(() => {});
  };
  clientGone.addEventListener("abort", close);
  if (clientGone.aborted) close();

  function took(
    { value, done }: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (closed) throw new Error("The connection was dropped");
    if (done) return finish();
    silence.heard();
    if (value.length === size) size = Math.min(4 * size, LARGEST_READ);
    return value;
  }

  return {
    close,
    async head() {
      silence.listen();
      const response = await fetch(request.url, {
        method: "POST",
        headers: request.headers,
        body: request.body,
        client: request.client,
        redirect: "manual",
        signal: abort.signal,
      });
      silence.heard();
      hasHead = true;
      reader = response.body?.getReader({ mode: "byob" });
      if (closed) close();
      return response;
    },
    read() {
      if (!reader) return Promise.resolve(finish());
      silence.listen();
      return reader.read(new Uint8Array(size)).then(took);
    },
    outcomeOf(error) {
      if (clientGone.aborted) return "client_closed";
      if (silent) return "timeout";
      if (hasHead) return "truncated";
      return isConnectError(error) ? "refused" : "reset";
    },
  };
}

/** `fetch` tells only in words whether it ever had a connection. */
export function isConnectError(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error &&
    cause.message.includes("client error (Connect)");
}
