import type { Admission } from "./admission.ts";
import { concat } from "./bytes.ts";
import { type ApiError, noRoomForBody } from "./errors.ts";

/** A request's body, which is held until no further server can need it. */
export interface Body {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives its room back. Only the first call counts. */
  drop(): void;
}

/**
 * Reads a request's whole body, which a retry needs. Room is taken before anything is read where
 * the length is told, so that a client that waits for `100 Continue` sends nothing in vain.
 *
 * @returns `undefined` where the client left before the end
 */
export async function readBody(
  request: Request,
  admission: Admission,
): Promise<Body | ApiError | undefined> {
  let reserved = 0;
  const reserve = (bytes: number) => {
    const fits = admission.reserve(bytes);
    if (fits) reserved += bytes;
    return fits;
  };
  const drop = () => {
    admission.release(reserved);
    reserved = 0;
  };
  const length = request.headers.get("content-length");
  try {
    const fits = length === null || reserve(Number(length));
    const bytes = !fits
      ? undefined
      : length === null
      ? await readChunks(request, reserve)
      : await request.bytes();
    if (bytes) return { bytes, drop };
    drop();
    return noRoomForBody;
  } catch {
    drop();
    return undefined;
  }
}

/** @returns `undefined` where there is no room for all of it */
async function readChunks(
  request: Request,
  reserve: (bytes: number) => boolean,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of request.body ?? []) {
    if (!reserve(chunk.length)) return undefined;
    chunks.push(chunk);
  }
  return concat(chunks);
}
