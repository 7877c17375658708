/** The position of an object in a list; `end` is exclusive. */
export interface Message {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const SPACE = 0x20;
/** Steps after which a message is given up; a quote or a byte outside of texts is one. */
const MOST_STEPS = 4_096;
/** How far to look back for a message's beginning: a body may be one long text, or all spaces. */
const MOST_BYTES = 1024 * 1024;

/**
 * Finds the object that ends before a position in a list, backwards: the end of a long conversation
 * is found without reading its beginning.
 *
 * @param listStart position of the list's bracket
 * @param before position of a comma, a bracket or an object, which the object precedes
 * @returns `undefined` if there is none, or it takes too long
 */
export function messageBefore(
  json: Uint8Array,
  listStart: number,
  before: number,
): Message | undefined {
  const from = Math.max(listStart, before - MOST_BYTES);
  const found = lastObject(json.subarray(from, before));
  return found && { start: from + found.start, end: from + found.end };
}

/** Finds the object at the end of a part of a list, unless it begins before that part. */
function lastObject(json: Uint8Array): Message | undefined {
  let last = json.length - 1;
  while (last > 0 && (json[last]! <= SPACE || json[last] === COMMA)) last--;
  if (json[last] !== CLOSE_OBJECT) return undefined;
  let depth = 0;
  let at = last;
  for (let steps = 0; at > 0 && steps < MOST_STEPS; steps++) {
    const byte = json[at];
    if (byte === QUOTE) {
      // Escaped quotes of a text count as steps as well.
      for (at = quoteBefore(json, at); isEscaped(json, at); steps++) {
        if (steps >= MOST_STEPS) return undefined;
        at = quoteBefore(json, at);
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth++;
    else if ((byte === OPEN_OBJECT || byte === OPEN_LIST) && --depth === 0) {
      return { start: at, end: last + 1 };
    }
    at--;
  }
  return undefined;
}

/** The position of the quote before another one; -1 if there is none. */
function quoteBefore(json: Uint8Array, at: number): number {
  return at <= 0 ? -1 : json.lastIndexOf(QUOTE, at - 1);
}

function isEscaped(json: Uint8Array, at: number): boolean {
  let slashes = 0;
  while (json[at - 1 - slashes] === BACKSLASH) slashes++;
  return slashes % 2 === 1;
}
