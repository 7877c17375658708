import type { Admission } from "../admission.ts";
import { type ApiError, bodyTooLarge, noRoomForBody } from "../../http/api_errors.ts";

/** A request's body, which is held until no further server can need it. */
export interface Body {
  /** Empty after `drop`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives its room back. Only the first call counts. */
  drop(): void;
}

/** A body that is still growing. Its memory is what was reserved for it. */
export interface BodyBuffer {
  /** Bytes that it has. */
  readonly size: number;
  /** Copies a chunk to its end; an error where the body gets too large, or there is no room. */
  append(chunk: Uint8Array): ApiError | undefined;
  /** The body, when all of it has been appended. */
  whole(): Body;
  /** Frees its memory at once and gives its room back. */
  drop(): void;
}

const NOTHING = new Uint8Array(0);

/** A body for whose bytes room is taken. */
export function bodyOf(whole: Uint8Array<ArrayBuffer>, admission: Admission): Body {
  let bytes = whole;
  return {
    get bytes() {
      return bytes;
    },
    // A server may still be reading the buffer: it is left to the garbage collector.
    drop() {
      admission.release(bytes.length);
      bytes = NOTHING;
    },
  };
}

/**
 * Collects a body in one buffer. Room is taken as the buffer grows, so that who only tells of many
 * bytes takes none. It doubles each time, but not beyond the length that was told.
 *
 * @param length as told in advance, in bytes; 0 where it wasn't
 * @param maxBytes that the body may have
 */
export function createBodyBuffer(
  admission: Admission,
  length: number,
  maxBytes: number,
): BodyBuffer {
  const mostBytes = Math.min(length || maxBytes, maxBytes);
  let buffer = new ArrayBuffer(0);
  let size = 0;

  function resize(capacity: number): boolean {
    const more = capacity - buffer.byteLength;
    if (more > 0 && !admission.reserve(more)) return false;
    buffer = buffer.transfer(capacity);
    if (more < 0) admission.release(-more);
    return true;
  }

  return {
    get size() {
      return size;
    },
    append(chunk) {
      const needed = size + chunk.length;
      if (needed > maxBytes) return bodyTooLarge(maxBytes);
      if (needed > buffer.byteLength) {
        const capacity = Math.max(needed, Math.min(2 * buffer.byteLength, mostBytes));
        if (!resize(capacity)) return noRoomForBody;
      }
      new Uint8Array(buffer).set(chunk, size);
      size = needed;
      return undefined;
    },
    whole() {
      if (size < buffer.byteLength) resize(size);
      const body = bodyOf(new Uint8Array(buffer), admission);
      buffer = new ArrayBuffer(0);
      return body;
    },
    drop: () => void resize(0),
  };
}
