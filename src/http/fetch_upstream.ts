import type { Fetch } from "./fetch.ts";
import { isConnectError } from "./fetch_error.ts";
import type { ResponseHead, Upstream } from "./upstream.ts";

/** One request to one server. */
export interface FetchRequest {
  readonly url: string;
  readonly headers: [string, string][];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly fetch: Fetch;
  /** As `fetch`, over a new connection. */
  readonly fetchFresh: Fetch;
}

/** A connection that breaks later than this had not been idle before. */
const IDLE_RESET_MS = 1_000;

/**
 * A token's event is a few hundred bytes. A read that fills its buffer earns one four times as
 * large, one that leaves most of it empty a smaller one: what is kept of a stream is kept with its
 * buffers.
 */
const SMALLEST_READ = 512;
const LARGEST_READ = 64 * 1024;
const STEP = 4;

/**
 * An upstream over `fetch`. A connection that breaks at once may have been idle for too long: the
 * server is asked again over a new one.
 */
export function openFetch(request: FetchRequest): Upstream {
  const abort = new AbortController();
  let pending: FetchRequest | undefined = request;
  let closed = false;
  let reader: BodyReader | undefined;
  let size = SMALLEST_READ;
  /** Bytes of a short body that are yet to come. */
  let left = Infinity;

  async function send({ url, headers, body, fetch, fetchFresh }: FetchRequest): Promise<Response> {
    const init = { method: "POST", headers, body, signal: abort.signal };
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
    // Once the head is here, a garbage collection may cut the signal's link to the body: without
    // this the connection stays open and the server goes on generating.
    reader?.cancel().catch(() => {});
  }

  return {
    async head(): Promise<ResponseHead> {
      const sending = send(pending!);
      // What stays here stays as long as the answer streams.
      pending = undefined;
      const response = await sending;
      const opened = openBody(response);
      reader = opened.reader;
      // A short body comes in one read, as a rule.
      const length = Number(opened.headers.get("content-length") ?? NaN);
      if (length > 0 && length <= LARGEST_READ) left = size = length;
      if (closed) close();
      return { status: response.status, headers: opened.headers };
    },
    read() {
      return reader ? reader.read(size).then(took) : Promise.resolve(undefined);
    },
    close,
  };
}

/** Reads a body, at most this many bytes at a time where the runtime allows that. */
interface BodyReader {
  read(size: number): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>>;
  cancel(): Promise<void>;
}

/**
 * Event streams are read as text, so one that a mesh compressed, though it was asked not to, is
 * decompressed. Everything else is passed on unchanged.
 */
function openBody(
  response: Response,
): { readonly reader: BodyReader | undefined; readonly headers: Headers } {
  const { headers, body } = response;
  if (!body) return { reader: undefined, headers };
  const named = isEventStream(headers) ? headers.get("content-encoding")?.toLowerCase() : undefined;
  const encoding = named === "x-gzip" ? "gzip" : named;
  if (encoding !== "gzip" && encoding !== "deflate") {
    const reader = body.getReader({ mode: "byob" });
    const read = (size: number) => reader.read(new Uint8Array(size));
    return { reader: { read, cancel: () => reader.cancel() }, headers };
  }
  const reader = body.pipeThrough(new DecompressionStream(encoding)).getReader();
  const decoded = new Headers(headers);
  decoded.delete("content-encoding");
  return { reader: { read: () => reader.read(), cancel: () => reader.cancel() }, headers: decoded };
}

export function isEventStream(headers: Headers): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("text/event-stream") ?? false;
}
