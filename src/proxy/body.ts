import type { Admission } from "./admission.ts";
import { concat } from "./bytes.ts";
import { type ApiError, badRequest, bodyTooLarge, noRoomForBody, uploadTooSlow } from "./errors.ts";

/** A request's body, which is held until no further server can need it. */
export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives its room back. Only the first call counts. */
  drop(): void;
}

/** What a body may be. */
export interface UploadLimits {
  readonly maxBodyBytes: number;
  /** Bytes that all of them together may be. */
  readonly bodyBufferBytes: number;
  /** For all of it to arrive. */
  readonly clientTimeoutMs: number;
}

/**
 * Reads a request's whole body, which a retry needs. Where the length is told, its room is taken
 * before anything is read, so that what can't be taken isn't.
 *
 * @returns `undefined` where the client left before the end
 */
export async function readBody(
  request: Request,
  admission: Admission,
  limits: UploadLimits,
): Promise<Body | ApiError | undefined> {
  const maxBytes = Math.min(limits.maxBodyBytes, limits.bodyBufferBytes);
  let size = 0;
  let isOver = false;
  const reserve = (bytes: number): ApiError | undefined => {
    if (size + bytes > maxBytes) return bodyTooLarge(maxBytes);
    if (isOver || !admission.reserve(bytes)) return noRoomForBody;
    size += bytes;
    return undefined;
  };
  const drop = () => {
    admission.release(size);
    size = 0;
  };
  const length = request.headers.get("content-length");
  const full = reserve(Number(length ?? 0));
  if (full) return full;

  const slow = Promise.withResolvers<ApiError>();
  const timer = setTimeout(
    () => slow.resolve(uploadTooSlow(limits.clientTimeoutMs)),
    limits.clientTimeoutMs,
  );
  const reading = length === null ? readChunks(request, reserve) : request.bytes();
  try {
    const read = await Promise.race([reading, slow.promise]);
    if (read instanceof Uint8Array) return { bytes: read, drop };
    // What still comes is of no use to anybody, and takes no room.
    reading.catch(() => {});
    drop();
    return read;
  } catch {
    drop();
    // The signal comes a moment after the body's end.
    await new Promise((resolve) => setTimeout(resolve));
    return request.signal.aborted ? undefined : badRequest("The body is malformed or broke off.");
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

async function readChunks(
  request: Request,
  reserve: (bytes: number) => ApiError | undefined,
): Promise<Uint8Array<ArrayBuffer> | ApiError> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of request.body ?? []) {
    const full = reserve(chunk.length);
    if (full) return full;
    chunks.push(chunk);
  }
  return concat(chunks);
}
