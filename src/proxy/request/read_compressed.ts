import type { FieldMap } from "../../http/field_map.ts";
import type { Admission } from "../admission.ts";
import { type ApiError, badRequest, unsupportedEncoding } from "../../http/api_errors.ts";
import { type Body, createBodyBuffer } from "./body_buffer.ts";
import { nextTimeSlice } from "../../util/time_slices.ts";

/** Supported encodings by their HTTP names; `deflate` means zlib's format. */
const FORMATS = new Map<string, CompressionFormat>([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);
/** Input to decompress at once: the runtime may produce a thousand times as much in one go. */
const PIECE_BYTES = 2 * 1024;

/** Returns the compression of a body; `undefined` if none, an error if it is not supported. */
export function compressionOf(headers: FieldMap): CompressionFormat | ApiError | undefined {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase();
  if (!encoding || encoding === "identity") return undefined;
  return FORMATS.get(encoding) ?? unsupportedEncoding(encoding);
}

/**
 * Decompresses a body, since servers don't. The output is counted and limited as it grows, and
 * other requests are served in between. Drops the compressed body.
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
