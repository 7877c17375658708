import type { RequestBody } from "./exchange.ts";

/** Size of the first read; a read that fills its buffer gets a larger one. */
const FIRST_READ = 4 * 1024;
const LARGEST_READ = 64 * 1024;

/** Reads a stream piece by piece. */
interface Reader extends Pick<RequestBody, "read" | "cancel"> {
  /** Reads the end after the last piece, whose bytes stay valid. */
  readEnd(): Promise<unknown>;
}

/**
 * The body of a `Request`. The runtime keeps one that was looked at until its end has been read, so
 * nothing is looked at before the first read, and the end is read with the last piece.
 */
export function webBody(request: Request): RequestBody {
  const length = lengthIn(request.headers);
  let left = length ?? Infinity;
  let reader: Reader | undefined;
  return {
    length,
    async read() {
      if (length === 0) return undefined;
      reader ??= readerOf(request.body);
      const bytes = await reader.read();
      left -= bytes?.length ?? 0;
      if (left === 0) await reader.readEnd();
      return bytes;
    },
    cancel: () => reader?.cancel(),
  };
}

/**
 * Reads into a small buffer: the runtime keeps that buffer while nothing arrives, even after
 * `cancel`, until the connection ends.
 */
function readerOf(body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Reader {
  const nothing = () => Promise.resolve(undefined);
  if (!body) return { read: nothing, readEnd: nothing, cancel: () => {} };
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    // The whole body came with the head; the runtime has no byte stream for it.
    const plain = body.getReader();
    return {
      read: async () => (await plain.read()).value,
      readEnd: () => plain.read(),
      cancel: () => void plain.cancel().catch(() => {}),
    };
  }
  let buffer = new ArrayBuffer(FIRST_READ);
  return {
    async read() {
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done) return undefined;
      buffer = value.length < value.buffer.byteLength
        ? value.buffer
        : new ArrayBuffer(Math.min(4 * value.length, LARGEST_READ));
      return value;
    },
    readEnd: () => reader.read(new Uint8Array(1)),
    cancel: () => void reader.cancel().catch(() => {}),
  };
}

/** The declared length, if any. Repeated headers arrive as a list of equal values. */
function lengthIn(headers: Headers): number | undefined {
  const digits = /^\d+/.exec(headers.get("content-length") ?? "");
  return digits ? Number(digits[0]) : undefined;
}
