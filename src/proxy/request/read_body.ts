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

/** What a body may be. */
export interface UploadLimits {
  readonly maxBodyBytes: number;
  /** Bytes that all of them together may be. */
  readonly bodyBufferBytes: number;
  /** Within each such time some of it must arrive, {@linkcode SLOWEST_UPLOAD} on average. */
  readonly clientTimeoutMs: number;
}

/** The slowest upload that is waited for, in bytes a second. */
const SLOWEST_UPLOAD = 1024;
/** A body of so few bytes is no burden, even where nobody wants it any more. */
const SMALL = 8 * 1024;
/** The first read of a body; one that fills its buffer earns a larger one. */
const FIRST_READ = 4 * 1024;
const LARGEST_READ = 64 * 1024;

/** What one body may be, as it may not be more than all together. */
export function maxBytesOf({ maxBodyBytes, bodyBufferBytes }: UploadLimits): number {
  return Math.min(maxBodyBytes, bodyBufferBytes);
}

/**
 * Reads a request's whole body, which a retry needs. Where the length is told and there is no room
 * for it, nothing is read. Room is taken as bytes come, but for small bodies.
 *
 * @returns `undefined` where the client left before the end
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
  // Read in pieces, so that reading can be ended: what still comes then is kept nowhere.
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
 * Reads a body in one go, which takes the runtime half as long as in pieces. Room for all of it is
 * taken at once.
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

/** Reads until the end, or until the upload is too large, or too slow. Throws when it breaks. */
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
  /** Ends reading, also where it waits. */
  cancel(): void;
}

/**
 * A body's bytes as they come, read into a small buffer: the runtime keeps it while nothing comes,
 * even after `cancel`, until the connection ends.
 */
function chunksOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): Chunks {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = body.getReader({ mode: "byob" });
  } catch {
    // All of the body came with the head, and is no stream of bytes for the runtime.
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

/** The signal comes a moment after the body's end. */
async function brokenBody(request: Request): Promise<ApiError | undefined> {
  await new Promise((resolve) => setTimeout(resolve));
  return request.signal.aborted ? undefined : badRequest("The body is malformed or broke off.");
}

/** What is told of the length, 0 where nothing is. One that came twice is a list of equal ones. */
function lengthIn(headers: Headers): number {
  return Number(/^\d+/.exec(headers.get("content-length") ?? "")?.[0] ?? 0);
}
