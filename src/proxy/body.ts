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

/** A body of so few bytes is no burden, even where nobody wants it any more. */
const SMALL = 64 * 1024;

/**
 * Reads a request's whole body, which a retry needs. Where the length is told and there is no room
 * for it, nothing is read. Room is taken as bytes come: who only tells of many takes none.
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
  const reserve = (bytes: number): ApiError | undefined => {
    if (size + bytes > maxBytes) return bodyTooLarge(maxBytes);
    if (!admission.reserve(bytes)) return noRoomForBody;
    size += bytes;
    return undefined;
  };
  const drop = () => {
    admission.release(size);
    size = 0;
  };
  const length = lengthIn(request.headers);
  const full = reserve(length);
  if (full) return full;

  if (length > 0 && length <= SMALL) return await readSmall(request, limits, drop);
  // It is only known that there is room: what is told may never come.
  drop();
  // Read in pieces, so that reading can be ended: what still comes then is kept nowhere.
  const reader = request.body?.getReader();
  let slow = false;
  const timer = setTimeout(() => {
    slow = true;
    reader?.cancel().catch(() => {});
  }, limits.clientTimeoutMs);
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let read = 0;
  try {
    while (reader) {
      const { value, done } = await reader.read();
      if (slow || done) break;
      read += value.length;
      const full = read > size && reserve(read - size);
      if (full) {
        reader.cancel().catch(() => {});
        drop();
        return full;
      }
      pieces.push(value);
    }
    if (!slow) return { bytes: concat(pieces), drop };
    drop();
    return uploadTooSlow(limits.clientTimeoutMs);
  } catch {
    drop();
    return await brokenBody(request);
  } finally {
    clearTimeout(timer);
  }
}

/** Reads a short body in one go, which costs the runtime a good deal less than in pieces. */
async function readSmall(
  request: Request,
  { clientTimeoutMs }: UploadLimits,
  drop: () => void,
): Promise<Body | ApiError | undefined> {
  const { promise: slow, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), clientTimeoutMs);
  const reading = request.bytes();
  try {
    const bytes = await Promise.race([reading, slow]);
    if (bytes) return { bytes, drop };
    reading.catch(() => {});
    drop();
    return uploadTooSlow(clientTimeoutMs);
  } catch {
    drop();
    return await brokenBody(request);
  } finally {
    clearTimeout(timer);
  }
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
