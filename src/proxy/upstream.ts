import type { Outcome } from "../fleet/outcome.ts";
import { type Deadlines, type Limits, watchDeadlines } from "./deadlines.ts";
import { type Expiry, outcomeOf } from "./outcome_of.ts";
import { isReachable } from "./reach.ts";

/** One request to one server. */
export interface UpstreamRequest {
  readonly url: string;
  readonly headers: [string, string][];
  readonly body: Uint8Array<ArrayBuffer>;
  readonly client: Deno.HttpClient;
  /** Address of the proxy that `client` goes through. */
  readonly proxy?: string;
  readonly limits: Limits;
  /** Aborts when the client leaves, which ends it at any stage. */
  readonly clientGone: AbortSignal;
  /** Hears that a stream has its head and no event yet. */
  readonly onStreamHead?: (() => void) | undefined;
}

/** An exchange with a server, from the request to the last byte of the answer. */
export interface Upstream extends Pick<Deadlines, "begun"> {
  /** Why the router gave it up, if it did. */
  readonly expired: Expiry | undefined;
  /** Calls back when the router gives it up while nobody reads: no read will tell. */
  whenExpired(callback: () => void): void;
  /** The answer's head. Throws when there is none. */
  head(): Promise<Response>;
  /** The next bytes as they arrive, `undefined` at a clean end. Throws when the answer breaks. */
  read(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Drops the connection. */
  close(): void;
  /**
   * What an error that `head` or `read` threw means, or their going well.
   *
   * @param toldStatus what the answer itself says, where it differs from the head's
   */
  outcomeOf(error?: unknown, toldStatus?: number): Outcome;
}

/** A token's event is a few hundred bytes; a read that fills its buffer earns a larger one. */
const SMALLEST_READ = 512;
const LARGEST_READ = 64 * 1024;

export function openUpstream(request: UpstreamRequest): Upstream {
  // Taken out one by one: what stays here stays as long as the answer streams.
  const { clientGone, url, headers, client, proxy = url } = request;
  let body: UpstreamRequest["body"] | undefined = request.body;
  const abort = new AbortController();
  let closed = false;
  let status: number | undefined;
  let reader: ReadableStreamBYOBReader | undefined;
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
    (withinMs) => isReachable(proxy, withinMs),
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
    deadlines.heard();
    if (value.length === size) size = Math.min(4 * size, LARGEST_READ);
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
        client,
        redirect: "manual",
        signal: abort.signal,
      });
      body = undefined;
      deadlines.heard();
      deadlines.connected();
      status = response.status;
      reader = response.body?.getReader({ mode: "byob" });
      if (closed) close();
      return response;
    },
    read() {
      if (!reader) return Promise.resolve(finish());
      deadlines.listen();
      return reader.read(new Uint8Array(size)).then(took);
    },
    outcomeOf: (error, toldStatus = status) =>
      outcomeOf({
        status: toldStatus,
        error,
        expired: deadlines.expired,
        clientGone: clientGone.aborted,
      }),
  };
}
