import type { Admission } from "../admission.ts";
import {
  type ApiError,
  badRequest,
  bodyTooLarge,
  noRoomForBody,
  uploadTooSlow,
} from "../../http/api_errors.ts";
import { type Body, type BodyBuffer, bodyOf, createBodyBuffer } from "./body_buffer.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";

/** The limits of an upload. */
export interface UploadLimits {
  readonly maxBodyBytes: number;
  /** Limit for the buffered bytes of all bodies together. */
  readonly bodyBufferBytes: number;
  /** Each interval of this length must bring at least {@linkcode SLOWEST_UPLOAD} on average. */
  readonly clientTimeoutMs: number;
}

/** The slowest upload that is accepted, in bytes per second. */
const SLOWEST_UPLOAD = 1024;
/** A body up to this size is cheap to read to its end, even if it is no longer needed. */
const SMALL = 8 * 1024;
/** Size of the first read; a read that fills its buffer gets a larger one. */
const FIRST_READ = 4 * 1024;
const LARGEST_READ = 64 * 1024;

/** The limit for one body, which can't exceed the limit for all together. */
export function maxBytesOf({ maxBodyBytes, bodyBufferBytes }: UploadLimits): number {
  return Math.min(maxBodyBytes, bodyBufferBytes);
}

/**
 * Reads a request's whole body, which a retry needs. If the declared length doesn't fit, nothing is
 * read. Memory is reserved as bytes arrive, except for small bodies.
 *
 * @returns `undefined` if the client left before the end
 */
export async function readBody(
  request: Request,
  admission: Admission,
  limits: UploadLimits,
): Promise<Body | ApiError | undefined> {
  const maxBytes = maxBytesOf(limits);
  const length = lengthIn(request.headers);
  if (length > maxBytes) return bodyTooLarge(maxBytes);
  if (!admission.hasRoom(length)) return noRoomForBody;
  const leastBytes = Math.ceil(limits.clientTimeoutMs / 1000 * SLOWEST_UPLOAD);
  if (length > 0 && length <= Math.min(SMALL, leastBytes)) {
    return await readSmall(request, length, admission, limits.clientTimeoutMs);
  }
  const store = createBodyBuffer(admission, length, maxBytes);
  if (!request.body) return store.whole();
  // Reads in chunks, so that reading can be cancelled: bytes that arrive later are not kept.
  const chunks = chunksOf(request.body);
  try {
    const error = await readAll(chunks, store, leastBytes, limits.clientTimeoutMs);
    if (!error) return store.whole();
    chunks.cancel();
    store.drop();
    return error;
  } catch {
    store.drop();
    return await brokenBody(request);
  }
}

/**
 * Reads a body in one go, which takes the runtime half as long as in chunks. Reserves memory for
 * all of it at once.
 */
async function readSmall(
  request: Request,
  length: number,
  admission: Admission,
  clientTimeoutMs: number,
): Promise<Body | ApiError | undefined> {
  if (!admission.reserve(length)) return noRoomForBody;
  const { promise: slow, resolve } = Promise.withResolvers<undefined>();
  const timer = startTimer(() => resolve(undefined), clientTimeoutMs);
  const reading = request.bytes();
  try {
    const bytes = await Promise.race([reading, slow]);
    if (bytes) return bodyOf(bytes, admission);
    reading.catch(() => {});
    admission.release(length);
    return uploadTooSlow(clientTimeoutMs);
  } catch {
    admission.release(length);
    return await brokenBody(request);
  } finally {
    stopTimer(timer);
  }
}

/** Reads until the end, or until the upload is too large or too slow. Throws if it breaks off. */
async function readAll(
  chunks: Chunks,
  store: BodyBuffer,
  leastBytes: number,
  clientTimeoutMs: number,
): Promise<ApiError | undefined> {
  let slow = false;
  let sizeBefore = 0;
  const timer = setInterval(() => {
    slow = store.size - sizeBefore < leastBytes;
    sizeBefore = store.size;
    if (slow) chunks.cancel();
  }, clientTimeoutMs);
  try {
    for (;;) {
      const chunk = await chunks.next();
      if (slow) return uploadTooSlow(clientTimeoutMs);
      const error = chunk && store.append(chunk);
      if (error || !chunk) return error;
    }
  } finally {
    clearInterval(timer);
  }
}

interface Chunks {
  /** Valid until the next call; `undefined` at the end. */
  next(): Promise<Uint8Array | undefined>;
  /** Stops reading, including a pending read. */
  cancel(): void;
}

/**
 * Returns a body's bytes as they arrive, read into a small buffer: the runtime keeps that buffer
 * while nothing arrives, even after `cancel`, until the connection ends.
 */
function chunksOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): Chunks {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    // The whole body came with the head; the runtime has no byte stream for it.
    const plain = body.getReader();
    return {
      next: async () => (await plain.read()).value,
      cancel: () => void plain.cancel().catch(() => {}),
    };
  }
  let buffer = new ArrayBuffer(FIRST_READ);
  return {
    async next() {
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

/** Waits a moment, since the signal aborts shortly after the body ends. */
async function brokenBody(request: Request): Promise<ApiError | undefined> {
  await new Promise((resolve) => setTimeout(resolve));
  return request.signal.aborted ? undefined : badRequest("The body is malformed or broke off.");
}

/** The declared length, 0 if there is none. Repeated headers arrive as a list of equal values. */
function lengthIn(headers: Headers): number {
  return Number(/^\d+/.exec(headers.get("content-length") ?? "")?.[0] ?? 0);
}
