import { endOfLastEvent } from "./sse_events.ts";

/** Buffers the incomplete event at the end of a stream. */
export interface OpenEvent {
  /** Bytes buffered. */
  readonly length: number;
  /**
   * Adds the stream's next chunk.
   *
   * @returns the bytes up to the end of the last complete event, starting with those buffered
   */
  add(chunk: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | "not_whole" | "too_long";
  /** Returns the buffered bytes, and buffers none any more. */
  rest(): Uint8Array<ArrayBuffer>;
}

/** Maximum size of a buffered event, in bytes. */
const LONGEST_EVENT = 1024 * 1024;
/** Bytes of a blank line that may precede a chunk. */
const BLANK_LINE = 3;

const NOTHING = new Uint8Array();

/** Creates an empty buffer. The copying cost per byte is constant, however small the chunks. */
export function openEvent(): OpenEvent {
  let kept: Uint8Array<ArrayBuffer> = NOTHING;

  function keep(bytes: Uint8Array<ArrayBuffer>): void {
    const needed = open.length + bytes.length;
    if (needed > kept.length) {
      const larger = new Uint8Array(Math.max(needed, 2 * kept.length));
      larger.set(kept.subarray(0, open.length));
      kept = larger;
    }
    kept.set(bytes, open.length);
    open.length = needed;
  }

  const open: OpenEvent & { length: number } = {
    length: 0,
    add(chunk) {
      if (open.length === 0) {
        const end = endOfLastEvent(chunk);
        if (end < chunk.length) keep(chunk.subarray(end));
        return end > 0 ? chunk.subarray(0, end) : "not_whole";
      }
      if (open.length + chunk.length > LONGEST_EVENT) return "too_long";
      const from = Math.max(0, open.length - BLANK_LINE);
      keep(chunk);
      const end = endOfLastEvent(kept.subarray(from, open.length));
      if (end === 0) return "not_whole";
      const whole = kept.subarray(0, from + end);
      const rest = kept.subarray(from + end, open.length);
      kept = NOTHING;
      open.length = 0;
      if (rest.length > 0) keep(rest);
      return whole;
    },
    rest() {
      const rest = kept.subarray(0, open.length);
      kept = NOTHING;
      open.length = 0;
      return rest;
    },
  };
  return open;
}
