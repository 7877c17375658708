import type { Admission } from "../admission.ts";
import { type ApiError, bodyTooLarge, noRoomForBody } from "../../http/api_errors.ts";

/** A request's body, buffered until no further server can need it. */
export interface Body {
  /** Empty after `drop`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Puts other bytes in their place, of about the same length. */
  replace(bytes: Uint8Array<ArrayBuffer>): void;
  /** Releases its reservation. Only the first call counts. */
  drop(): void;
}

/** A body that is still growing. Its capacity is what is reserved for it. */
export interface BodyBuffer {
  /** Bytes appended so far. */
  readonly size: number;
  /** Appends a copy of a chunk; returns an error if the body gets too large, or memory runs out. */
  append(chunk: Uint8Array): ApiError | undefined;
  /** Returns the body, once all of it has been appended. */
  whole(): Body;
  /** Frees its memory at once and releases its reservation. */
  drop(): void;
}

const NOTHING = new Uint8Array(0);
const NONE = new ArrayBuffer(0);

/** Makes a body of bytes that are already reserved. */
export function bodyOf(whole: Uint8Array<ArrayBuffer>, admission: Admission): Body {
  let reserved = whole.length;
  const body: Body & { bytes: Uint8Array<ArrayBuffer> } = {
    bytes: whole,
    replace: (bytes) => void (body.bytes = bytes),
    // A server may still be reading the buffer, so the garbage collector frees it.
    drop() {
      admission.release(reserved);
      reserved = 0;
      body.bytes = NOTHING;
    },
  };
  return body;
}

/**
 * Collects a body in one buffer. Memory is reserved as the buffer grows, so a declared length alone
 * reserves nothing. The buffer doubles each time, but not beyond the declared length.
 *
 * @param length the declared length in bytes; 0 if there is none
 * @param maxBytes the limit for the body
 */
export function createBodyBuffer(
  admission: Admission,
  length: number,
  maxBytes: number,
): BodyBuffer {
  const mostBytes = Math.min(length || maxBytes, maxBytes);
  let buffer = NONE;

  function resize(capacity: number): boolean {
    const more = capacity - buffer.byteLength;
    if (more === 0) return true;
    if (more > 0 && !admission.reserve(more)) return false;
    buffer = store.size === 0 ? new ArrayBuffer(capacity) : buffer.transfer(capacity);
    if (more < 0) admission.release(-more);
    return true;
  }

  const store: BodyBuffer & { size: number } = {
    size: 0,
    append(chunk) {
      const needed = store.size + chunk.length;
      if (needed > maxBytes) return bodyTooLarge(maxBytes);
      if (needed > buffer.byteLength) {
        const capacity = Math.max(needed, Math.min(2 * buffer.byteLength, mostBytes));
        if (!resize(capacity)) return noRoomForBody;
      }
      new Uint8Array(buffer).set(chunk, store.size);
      store.size = needed;
      return undefined;
    },
    whole() {
      if (store.size < buffer.byteLength) resize(store.size);
      const body = bodyOf(new Uint8Array(buffer), admission);
      buffer = NONE;
      return body;
    },
    drop: () => void resize(0),
  };
  return store;
}
