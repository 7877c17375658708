import type { Admission } from "../admission.ts";
import {
  type ApiError,
  badRequest,
  bodyTooLarge,
  noRoomForBody,
  uploadTooSlow,
} from "../../http/api_errors.ts";
import type { Exchange, RequestBody } from "../../http/exchange.ts";
import { type Body, type BodyBuffer, createBodyBuffer } from "./body_buffer.ts";
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

/** The limit for one body, which can't exceed the limit for all together. */
export function maxBytesOf({ maxBodyBytes, bodyBufferBytes }: UploadLimits): number {
  return Math.min(maxBodyBytes, bodyBufferBytes);
}

/**
 * Reads a request's whole body, which a retry needs. If the declared length doesn't fit, nothing is
 * read. Memory is reserved as bytes arrive.
 *
 * @returns `undefined` if the client left before the end
 */
export async function readBody(
  { body, departure }: Pick<Exchange, "body" | "departure">,
  admission: Admission,
  limits: UploadLimits,
): Promise<Body | ApiError | undefined> {
  const maxBytes = maxBytesOf(limits);
  const length = body.length ?? 0;
  if (length > maxBytes) return bodyTooLarge(maxBytes);
  if (!admission.hasRoom(length)) return noRoomForBody;
  const store = createBodyBuffer(admission, length, maxBytes);
  if (body.length === 0) return store.whole();
  try {
    const error = await readInTime(body, store, limits.clientTimeoutMs);
    if (!error) return store.whole();
    body.cancel();
    store.drop();
    return error;
  } catch {
    store.drop();
    // The runtime reports a disconnected client shortly after its body.
    await new Promise((resolve) => setTimeout(resolve));
    return departure.hasLeft ? undefined : badRequest("The body is malformed or broke off.");
  }
}

/** Reads until the end, or until the upload is too large or too slow. Rejects if it breaks off. */
async function readInTime(
  body: RequestBody,
  store: BodyBuffer,
  clientTimeoutMs: number,
): Promise<ApiError | undefined> {
  const leastBytes = Math.ceil(clientTimeoutMs / 1000 * SLOWEST_UPLOAD);
  const { promise: slow, resolve } = Promise.withResolvers<ApiError>();
  const declared = body.length ?? Infinity;
  let isSlow = false;
  let sizeBefore = 0;

  const check = () => {
    isSlow = store.size - sizeBefore < leastBytes;
    if (isSlow) return resolve(uploadTooSlow(clientTimeoutMs));
    sizeBefore = store.size;
    timer = startTimer(check, clientTimeoutMs);
  };
  let timer = startTimer(check, clientTimeoutMs);

  async function readAll(): Promise<ApiError | undefined> {
    while (store.size < declared) {
      const chunk = await body.read();
      if (isSlow || !chunk) return undefined;
      const error = store.append(chunk);
      if (error) return error;
    }
    return undefined;
  }
  try {
    return await Promise.race([readAll(), slow]);
  } finally {
    stopTimer(timer);
  }
}
