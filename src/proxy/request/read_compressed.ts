import type { Admission } from "../admission.ts";
import { type ApiError, badRequest, unsupportedEncoding } from "../../http/api_errors.ts";
import { type Body, createBodyBuffer } from "./body_buffer.ts";
import { nextTimeSlice } from "../../util/time_slices.ts";

/** Encodings of bodies that are undone, as HTTP names them, which `deflate` of zlib's format is. */
const FORMATS = new Map<string, CompressionFormat>([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);
/** What is given to the runtime at once: it makes up to a thousand times as much of it in one go. */
const PIECE_BYTES = 2 * 1024;

/** How a body is compressed; `undefined` where it isn't, an error where nobody here can tell. */
export function compressionOf(headers: Headers): CompressionFormat | ApiError | undefined {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase();
  if (!encoding || encoding === "identity") return undefined;
  return FORMATS.get(encoding) ?? unsupportedEncoding(encoding);
}

/**
 * Decompresses a body, which servers don't. What comes out is counted and limited as it grows, and
 * other requests go on meanwhile. The compressed body is dropped.
 */
export async function inflate(
  body: Body,
  format: CompressionFormat,
  admission: Admission,
  maxBytes: number,
): Promise<Body | ApiError> {
  const store = createBodyBuffer(admission, 0, maxBytes);
  const stream = piecesOf(body.bytes).pipeThrough(new DecompressionStream(format));
  let startedAt = performance.now();
  try {
    for await (const chunk of stream) {
      const error = store.append(chunk);
      if (error) {
        store.drop();
        return error;
      }
      startedAt = await nextTimeSlice(startedAt);
    }
    return store.whole();
  } catch {
    store.drop();
    return badRequest(`The body is not valid ${format}.`);
  } finally {
    body.drop();
  }
}

function piecesOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(at, at += PIECE_BYTES));
    },
  }, { highWaterMark: 0 });
}
