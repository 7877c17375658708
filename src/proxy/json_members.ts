/** Where a value stands in a text's bytes: from the first to behind the last. */
export type Span = readonly [start: number, end: number];

/** Why a text's members can't be told. */
export type Unreadable = "not_json" | "no_object" | "too_deep";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

/** The longest name looked at: sixteen letters, each written as `\u0000`. */
const LONGEST_NAME = 96;

/** A byte order mark is no JSON, wherever it stands. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Finds the values of an object's own members without parsing them: one pass that leaps over
 * strings. A parser would build all that is in the text, and a text can be made so that this takes
 * a second for each few megabytes. What lies deeper is only looked at as far as its brackets go;
 * the server says what is wrong with it. Of members of one name the last counts, as with parsers.
 *
 * @param names of the members to find
 * @param deepest levels of lists and objects in one another that are allowed
 */
export function membersOf<Name extends string>(
  json: Uint8Array,
  names: readonly Name[],
  deepest: number,
): Partial<Record<Name, Span>> | Unreadable {
  const found: Partial<Record<string, Span>> = {};
  let at = skipSpace(json, 0);
  if (json[at] !== OPEN_OBJECT) return at < json.length ? "no_object" : "not_json";
  at = skipSpace(json, at + 1);
  if (json[at] === CLOSE_OBJECT) return endsAt(json, at + 1) ? {} : "not_json";
  while (true) {
    if (json[at] !== QUOTE) return "not_json";
    const nameEnd = endOfString(json, at);
    const name = nameEnd - at > LONGEST_NAME ? undefined : nameIn(json, at, nameEnd);
    at = skipSpace(json, nameEnd);
    if (json[at] !== COLON) return "not_json";
    const start = skipSpace(json, at + 1);
    const end = endOfValue(json, start, deepest);
    if (typeof end === "string") return end;
    if (name !== undefined && (names as readonly string[]).includes(name)) {
      found[name] = [start, end];
    }
    at = skipSpace(json, end);
    if (json[at] === CLOSE_OBJECT) return endsAt(json, at + 1) ? found as never : "not_json";
    if (json[at] !== COMMA) return "not_json";
    at = skipSpace(json, at + 1);
  }
}

/** The value that stands there; `undefined` where it is no JSON. */
export function valueIn(json: Uint8Array, [start, end]: Span): unknown {
  try {
    return JSON.parse(decoder.decode(json.subarray(start, end)));
  } catch {
    return undefined;
  }
}

function nameIn(json: Uint8Array, start: number, end: number): string | undefined {
  const name = valueIn(json, [start, end]);
  return typeof name === "string" ? name : undefined;
}

/** Behind the value that starts there. */
function endOfValue(json: Uint8Array, start: number, deepest: number): number | Unreadable {
  const first = json[start];
  if (first === QUOTE) return closedString(json, start);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) {
    let end = start;
    while (end < json.length && !isDelimiter(json[end]!)) end++;
    return end > start ? end : "not_json";
  }
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    switch (json[at]) {
      case QUOTE: {
        const end = closedString(json, at);
        if (typeof end === "string") return end;
        at = end - 1;
        break;
      }
      case OPEN_OBJECT:
      case OPEN_LIST:
        // The whole object is a level as well.
        if (++depth >= deepest) return "too_deep";
        break;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        if (--depth === 0) return at + 1;
    }
  }
  return "not_json";
}

function closedString(json: Uint8Array, start: number): number | "not_json" {
  const end = endOfString(json, start);
  return end > json.length ? "not_json" : end;
}

/** Behind the string that starts there; past the text's end where it has no end. */
function endOfString(json: Uint8Array, start: number): number {
  for (let at = json.indexOf(QUOTE, start + 1); at !== -1; at = json.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (json[at - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return json.length + 1;
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || isSpace(byte);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

function skipSpace(json: Uint8Array, at: number): number {
  while (isSpace(json[at])) at++;
  return at;
}

function endsAt(json: Uint8Array, at: number): boolean {
  return skipSpace(json, at) >= json.length;
}
