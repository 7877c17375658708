import { type FieldMap } from "./field_map.ts";
import { isEventStream } from "./event_stream.ts";
import type { ResponseHead, Upstream } from "./upstream.ts";

/**
 * Decodes an event stream that a mesh compressed, though it was asked not to: events are read as
 * text. Everything else is passed on unchanged.
 */
export class DecodedUpstream implements Upstream {
  readonly #upstream: Upstream;
  #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  async head(): Promise<ResponseHead> {
    const head = await this.#upstream.head();
    const format = formatIn(head.headers);
    if (!format) return head;
    this.#reader = bodyOf(this.#upstream).pipeThrough(new DecompressionStream(format)).getReader();
    const others = [...head.headers].filter(([name]) => name !== "content-encoding");
    return { status: head.status, headers: new Headers(others) };
  }

  read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#reader ? this.#reader.read().then(({ value }) => value) : this.#upstream.read();
  }

  close(): void {
    this.#upstream.close();
    this.#reader?.cancel().catch(() => {});
  }
}

function formatIn(headers: FieldMap): CompressionFormat | undefined {
  if (!isEventStream(headers)) return undefined;
  const named = headers.get("content-encoding")?.toLowerCase();
  const encoding = named === "x-gzip" ? "gzip" : named;
  return encoding === "gzip" || encoding === "deflate" ? encoding : undefined;
}

function bodyOf(upstream: Upstream): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const bytes = await upstream.read();
      if (bytes) controller.enqueue(bytes.slice());
      else controller.close();
    },
  }, { highWaterMark: 0 });
}
