import { SLICE_BYTES } from "../../util/walk.ts";

/** The position of a value in a text's bytes; `end` is exclusive. */
export type Span = readonly [start: number, end: number];

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** The length from which strings are recorded, in bytes including quotes. */
export const LONG_STRING = 8_192;
/** Most strings end within this many bytes; starting a native search costs more than a loop. */
const NEAR = 32;

/** The progress of a scan through an object. */
export interface Scan {
  readonly json: Uint8Array;
  /** Allowed nesting of arrays and objects. */
  readonly deepest: number;
  readonly longStrings: Span[];
  /** The next byte to look at. */
  at: number;
  /** How many arrays and objects are open in the value that is being skipped. */
  depth: number;
  /** Start of the string that is being skipped; -1 outside of strings. */
  stringStart: number;
}

/**
 * Advances to the end of a value, by one slice at most. Doesn't move if there is no value.
 *
 * @returns whether the end is reached, or why there is none
 */
export function skipValue(scan: Scan): "done" | "more" | "not_json" | "too_deep" {
  const { json, deepest, longStrings } = scan;
  const stop = Math.min(json.length, scan.at + SLICE_BYTES);
  let { at, depth, stringStart } = scan;
  let isDone = false;
  while (at < stop && !isDone) {
    const byte = json[at]!;
    if (stringStart !== -1 || byte === QUOTE) {
      if (stringStart === -1) stringStart = at++;
      const end = endOfString(json, at, stop);
      if (end < 0) {
        at = ~end;
        continue;
      }
      if (end - stringStart >= LONG_STRING) longStrings.push([stringStart, end]);
      stringStart = -1;
      at = end;
      isDone = depth === 0;
    } else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      // The outermost object counts as a level as well.
      if (++depth >= deepest) return "too_deep";
      at++;
    } else if (depth === 0 && isDelimiter(byte)) {
      // After a number or a keyword, which only a delimiter ends.
      isDone = true;
    } else {
      at++;
      if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) isDone = --depth === 0;
    }
  }
  scan.at = at;
  scan.depth = depth;
  scan.stringStart = stringStart;
  if (isDone) return "done";
  return at < json.length ? "more" : "not_json";
}

/**
 * Advances in a string that began before `from`, up to `stop` or one byte further.
 *
 * @returns the position after its end; or, if it doesn't end there, `~at` with the position to
 *   continue from
 */
function endOfString(json: Uint8Array, from: number, stop: number): number {
  let at = from;
  while (at < stop) {
    for (const near = Math.min(stop, at + NEAR); at < near; at++) {
      const byte = json[at];
      if (byte === QUOTE) return at + 1;
      if (byte === BACKSLASH) at++;
    }
    if (at >= stop) break;
    // No backslash before `at` escapes a byte from here on, so counting starts here.
    const quote = json.subarray(at, stop).indexOf(QUOTE);
    const end = quote === -1 ? stop : at + quote;
    let backslashes = 0;
    while (end - backslashes > at && json[end - 1 - backslashes] === BACKSLASH) backslashes++;
    const isEscaped = backslashes % 2 === 1;
    if (quote !== -1 && !isEscaped) return end + 1;
    at = isEscaped ? end + 1 : end;
  }
  return ~at;
}

/** Advances over white space, by one slice at most. Returns `true` at its end. */
export function skipSpace(scan: Scan): boolean {
  const { json } = scan;
  const stop = scan.at + SLICE_BYTES;
  let { at } = scan;
  while (at < stop && isSpace(json[at])) at++;
  scan.at = at;
  return at < stop;
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || isSpace(byte);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
