import type { Fetch } from "./fetch.ts";
import { isConnectError } from "./fetch_error.ts";
import type { ResponseHead, Upstream } from "./upstream.ts";

/** One request to one server. */
export interface FetchRequest {
  readonly url: string;
  /** @default "POST" */
  readonly method?: "GET" | "POST";
  readonly headers: [string, string][];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly fetch: Fetch;
  /** Like `fetch`, but over a new connection. */
  readonly fetchFresh: Fetch;
}

/** A connection that breaks later than this was not a stale idle one. */
const IDLE_RESET_MS = 1_000;

/**
 * A token's event is a few hundred bytes. After a read that fills its buffer, the next buffer is
 * four times as large; after one that leaves most of it empty, the next is smaller, because a
 * retained chunk of a stream retains its whole buffer.
 */
const SMALLEST_READ = 512;
const LARGEST_READ = 64 * 1024;
const STEP = 4;

/**
 * Opens an upstream over `fetch`. A connection that breaks at once may have been idle for too long,
 * so the request is sent again over a new one.
 */
export function openFetch(request: FetchRequest): Upstream {
  const abort = new AbortController();
  let pending: FetchRequest | undefined = request;
  let closed = false;
  let reader: ReadableStreamBYOBReader | undefined;
  let size = SMALLEST_READ;
  /** Remaining bytes of a short body. */
  let left = Infinity;

  async function send(request: FetchRequest): Promise<Response> {
    const { url, method = "POST", headers, body, fetch, fetchFresh } = request;
    const init = {
      method,
      headers,
      signal: abort.signal,
      ...(method === "POST" && { body }),
    };
    const startedAt = performance.now();
    try {
      return await fetch(url, init);
    } catch (error) {
      const wasIdle = !isConnectError(error) && performance.now() - startedAt < IDLE_RESET_MS;
      if (closed || !wasIdle) throw error;
      return await fetchFresh(url, init);
    }
  }

  function took(
    { value, done }: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (closed) throw new Error("The connection was dropped");
    if (done) return undefined;
    left -= value.length;
    if (left <= 0) size = SMALLEST_READ;
    else if (value.length === size) size = Math.min(STEP * size, LARGEST_READ);
    else if (value.length * STEP <= size) size = Math.max(size / STEP, SMALLEST_READ);
    return value;
  }

  function close(): void {
    closed = true;
    abort.abort();
    // After the head, a garbage collection may break the link between the signal and the body.
    // Without this, the connection would stay open and the server would keep generating.
    reader?.cancel().catch(() => {});
  }

  return {
    async head(): Promise<ResponseHead> {
      const sending = send(pending!);
      // Whatever is referenced here lives as long as the answer streams.
      pending = undefined;
      const response = await sending;
      reader = response.body?.getReader({ mode: "byob" });
      // A short body usually arrives in one read.
      const length = Number(response.headers.get("content-length") ?? NaN);
      if (length > 0 && length <= LARGEST_READ) left = size = length;
      if (closed) close();
      return { status: response.status, headers: response.headers };
    },
    read() {
      return reader ? reader.read(new Uint8Array(size)).then(took) : Promise.resolve(undefined);
    },
    close,
  };
}
