import type { Gzip } from "../http/gzip.ts";
import type { HttpResponse } from "../http/http_response.ts";
import type { StreamManner } from "../faults/stream_manner.ts";

const KEEP_ALIVE = ": keep-alive\n\n";

/** Writes the events of one answer. Sends the response head immediately. */
export class EventStream {
  readonly #response: HttpResponse;
  readonly #manner: StreamManner;
  readonly #gzip: Gzip | undefined;
  #lastSentAtMs = performance.now();

  /**
   * @param keepAliveMs silence after which a comment is sent
   * @param length `content-length` to declare for the whole stream; chunked without it
   */
  constructor(
    response: HttpResponse,
    manner: StreamManner,
    keepAliveMs: number | undefined,
    length: number | undefined,
  ) {
    this.#response = response;
    this.#manner = manner;
    this.#gzip = manner.compress?.();
    response.startStream(manner.headers, length);
    if (keepAliveMs !== undefined) this.#keepAlive(keepAliveMs);
  }

  /** Sends one or more whole events, or a comment. */
  send(events: string): void {
    const text = this.#manner.rewrite?.(events) ?? events;
    if (text === "") return;
    this.#lastSentAtMs = performance.now();
    this.#response.chunk(this.#gzip?.write(text) ?? text);
  }

  end(): void {
    if (this.#manner.afterwards !== undefined) this.send(this.#manner.afterwards);
    if (this.#gzip) this.#response.chunk(this.#gzip.end());
    this.#response.endStream();
  }

  #keepAlive(intervalMs: number): void {
    let timer: ReturnType<typeof setTimeout>;
    const look = () => {
      const dueMs = this.#lastSentAtMs + intervalMs - performance.now();
      if (dueMs <= 0) this.send(KEEP_ALIVE);
      timer = setTimeout(look, dueMs <= 0 ? intervalMs : dueMs);
    };
    timer = setTimeout(look, intervalMs);
    this.#response.done.then(() => clearTimeout(timer));
  }
}
