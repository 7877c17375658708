import type { Fetch } from "../../http/fetch.ts";
import type { Outcome } from "../../fleet/outcome.ts";
import { type Deadlines, type Limits, watchDeadlines } from "./deadlines.ts";
import { type Expiry, outcomeOf } from "./outcome_of.ts";
import type { ConnectProbe } from "../../http/connect_probe.ts";

/** One request to one server. */
export interface UpstreamRequest {
  readonly url: string;
  readonly headers: [string, string][];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly fetch: Fetch;
  /** Address of the proxy that `fetch` goes through. */
  readonly proxy?: string;
  readonly limits: Limits;
  /** Aborts when the client leaves, which ends it at any stage. */
  readonly clientGone: AbortSignal;
  /** Asks whether a server can be reached at all. */
  readonly isReachable: ConnectProbe;
}

/** An exchange with a server, from the request to the last byte of the answer. */
export interface Upstream extends Pick<Deadlines, "begun"> {
  /** Why the router gave it up, if it did. */
  readonly expired: Expiry | undefined;
  /** Calls back when the router gives it up while nobody reads: no read will tell. */
  whenExpired(callback: () => void): void;
  /** The answer's head. Throws when there is none. */
  head(): Promise<{ readonly status: number; readonly headers: Headers }>;
  /** The next bytes as they arrive, `undefined` at a clean end. Throws when the answer breaks. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Drops the connection. */
  close(): void;
  /**
   * What an error that `head` or `read` threw means, or their going well.
   *
   * @param told what the answer itself says, where it differs from the head
   */
  outcomeOf(error?: unknown, told?: Told): Outcome;
}

/** What an answer itself says of how it went, where that differs from its head. */
export interface Told {
  readonly status?: number | undefined;
  readonly isGivenUp?: boolean | undefined;
  readonly isShutdown?: boolean | undefined;
}

/**
 * A token's event is a few hundred bytes. A read that fills its buffer earns one four times as
 * large, one that leaves most of it empty a smaller one: what is kept of a stream is kept with its
 * buffers.
 */
const SMALLEST_READ = 512;
const LARGEST_READ = 64 * 1024;
const STEP = 4;

/** The size of the next read, after one of so many bytes that found so many. */
function nextSize(size: number, found: number): number {
  if (found === size) return Math.min(STEP * size, LARGEST_READ);
  return found * STEP <= size ? Math.max(size / STEP, SMALLEST_READ) : size;
}
export function openUpstream(request: UpstreamRequest): Upstream {
  // Taken out one by one: what stays here stays as long as the answer streams.
  const { clientGone, url, headers, fetch, proxy = url } = request;
  let body: UpstreamRequest["body"] | undefined = request.body;
  const abort = new AbortController();
  let closed = false;
  let status: number | undefined;
  let reader: BodyReader | undefined;
  let size = SMALLEST_READ;

  const finish = (): undefined => {
    deadlines.stop();
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
  let onExpired = () => {};
  const deadlines = watchDeadlines(
    request.limits,
    (withinMs) => request.isReachable(proxy, withinMs),
    () => {
      close();
      onExpired();
    },
  );
  clientGone.addEventListener("abort", close);
  if (clientGone.aborted) close();

  function took(
    { value, done }: ReadableStreamReadResult<Uint8Array<ArrayBuffer>>,
  ): Uint8Array<ArrayBuffer> | undefined {
    if (closed) throw new Error("The connection was dropped");
    if (done) return finish();
    deadlines.heard(!isComment(value));
    size = nextSize(size, value.length);
    return value;
  }

  return {
    get expired() {
      return deadlines.expired;
    },
    begun: deadlines.begun,
    whenExpired: (callback) => void (onExpired = callback),
    close,
    async head() {
      deadlines.listen();
      const response = await fetch(url, {
        method: "POST",
        headers,
        body: body!,
        signal: abort.signal,
      });
      body = undefined;
      deadlines.heard(true);
      deadlines.connected();
      status = response.status;
      const opened = openBody(response);
      reader = opened.reader;
      if (closed) close();
      return { status, headers: opened.headers };
    },
    read() {
      if (!reader) return Promise.resolve(finish());
      deadlines.listen();
      return reader.read(size).then(took);
    },
    outcomeOf: (error, told) =>
      outcomeOf({
        ...told,
        status: told?.status ?? status,
        error,
        expired: deadlines.expired,
        clientGone: clientGone.aborted,
      }),
  };
}

/** Reads a body, at most so many bytes at a time where the runtime allows that. */
interface BodyReader {
  read(size: number): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>>;
  cancel(): Promise<void>;
}

/**
 * Event streams are read as text, so one that a mesh compressed, though it was asked not to, is
 * decompressed. Everything else is passed on as it came.
 */
function openBody(
  { body, headers }: Response,
): { readonly reader: BodyReader | undefined; readonly headers: Headers } {
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

const COLON = 0x3a;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Whether bytes are nothing but comments of an event stream, which tell of no progress. */
function isComment(bytes: Uint8Array): boolean {
  if (bytes[0] !== COLON && !isLineEnd(bytes[0])) return false;
  for (let i = 0; i < bytes.length; i++) {
    if (!isLineEnd(bytes[i])) continue;
    const next = bytes[i + 1];
    if (next !== undefined && next !== COLON && !isLineEnd(next)) return false;
  }
  return true;
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LINE_FEED || byte === CARRIAGE_RETURN;
}
