import type { RequestBody } from "./exchange.ts";

/** Size of the first read; a read that fills its buffer gets a larger one. */
const FIRST_READ = 4 * 1024;
const LARGEST_READ = 64 * 1024;

/**
 * The body of a `Request`, read into a small buffer: the runtime keeps that buffer while nothing
 * arrives, even after `cancel`, until the connection ends.
 */
export function webBody({ body, headers }: Request): RequestBody {
  const length = body ? lengthIn(headers) : 0;
  if (!body) return { length, read: () => Promise.resolve(undefined), cancel: () => {} };
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    // The whole body came with the head; the runtime has no byte stream for it.
    const plain = body.getReader();
    return {
      length,
      read: async () => (await plain.read()).value,
      cancel: () => void plain.cancel().catch(() => {}),
    };
  }
  let buffer = new ArrayBuffer(FIRST_READ);
  return {
    length,
    async read() {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done) return undefined;
      buffer = value.length < value.buffer.byteLength
        ? value.buffer
        : new ArrayBuffer(Math.min(4 * value.length, LARGEST_READ));
      return value;
    },
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

/** Repeated headers arrive as a list of equal values. */
function lengthIn(headers: Headers): number | undefined {
  const digits = /^\d+/.exec(headers.get("content-length") ?? "");
  return digits ? Number(digits[0]) : undefined;
}
