/** Where a value stands in a text's bytes: from the first to behind the last. */
export type Span = readonly [start: number, end: number];

/** Why a text's members can't be told. */
export type Unreadable = "not_json" | "no_object" | "too_deep" | "too_many";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;

const LETTER_U = 0x75;
/** `\u0000` */
const ESCAPE_LENGTH = 6;
/** Far more members than any request has; each takes longer than the bytes of a text. */
export const MOST_MEMBERS = 1_000;
/** Most strings end within these; a search costs more to begin than to go on. */
const NEAR = 32;

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
  for (let count = 1;; count++) {
    if (json[at] !== QUOTE) return "not_json";
    if (count > MOST_MEMBERS) return "too_many";
    const nameEnd = endOfString(json, at);
    const nameStart = at;
    at = skipSpace(json, nameEnd);
    if (json[at] !== COLON) return "not_json";
    const start = skipSpace(json, at + 1);
    const end = endOfValue(json, start, deepest);
    if (typeof end === "string") return end;
    const first = json[nameStart + 1];
    for (const name of names) {
      // Mostly it is another letter, and nothing more needs to be looked at.
      if (first !== name.charCodeAt(0) && first !== BACKSLASH) continue;
      if (isName(json, nameStart, nameEnd, name)) found[name] = [start, end];
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

/** Whether the string that stands there is that name, which is of plain letters. */
function isName(json: Uint8Array, start: number, end: number, name: string): boolean {
  let at = start + 1;
  for (let i = 0; i < name.length; i++) {
    const isEscape = json[at] === BACKSLASH;
    if ((isEscape ? escapedAt(json, at) : json[at]) !== name.charCodeAt(i)) return false;
    at += isEscape ? ESCAPE_LENGTH : 1;
  }
  return at === end - 1;
}

/** The letter that an escape stands for; no other escape than `\u0000` stands for one. */
function escapedAt(json: Uint8Array, at: number): number | undefined {
  if (json[at + 1] !== LETTER_U) return undefined;
  let code = 0;
  for (let i = at + 2; i < at + ESCAPE_LENGTH; i++) {
    const byte = json[i] ?? 0;
    // Digits end in their value, letters nine below it.
    code = code * 16 + (byte & 0x0f) + (byte > 0x39 ? 9 : 0);
  }
  return code;
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
export function endOfString(json: Uint8Array, start: number): number {
  for (let at = start + 1; at < json.length;) {
    for (const near = at + NEAR; at < near; at++) {
      if (json[at] === QUOTE) return at + 1;
      if (json[at] === BACKSLASH) at++;
    }
    // No backslash stands before what is next that isn't counted here.
    const quote = json.indexOf(QUOTE, at);
    if (quote === -1) break;
    let backslashes = 0;
    while (quote - backslashes > at && json[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
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
