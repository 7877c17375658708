import { type FieldMap } from "./field_map.ts";
import { isEventStream } from "./event_stream.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Decodes an event stream that a mesh compressed, though it was asked not to: events are read as
 * text. Everything else is passed on unchanged.
 */
export function decoded(upstream: Upstream): Upstream {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  return {
    async head() {
      const { status, headers } = await upstream.head();
      const format = formatIn(headers);
      if (!format) return { status, headers };
      reader = bodyOf(upstream).pipeThrough(new DecompressionStream(format)).getReader();
      const others = [...headers].filter(([name]) => name !== "content-encoding");
      return { status, headers: new Headers(others) };
    },
    read: () => reader ? reader.read().then(({ value }) => value) : upstream.read(),
    close() {
      upstream.close();
      reader?.cancel().catch(() => {});
    },
  };
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
