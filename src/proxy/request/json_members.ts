import { type Scan, skipSpace, skipValue, type Span } from "./json_scan.ts";
import type { Walk } from "../../util/walk.ts";

/** What is found in an object. */
export interface Members<Name extends string> {
  /** The values of its own members. */
  readonly values: Partial<Record<Name, Span>>;
  /** All strings of 8 KiB or more, at any depth, in their order. */
  readonly longStrings: readonly Span[];
}

/** Why a text's members can't be told. */
export type Unreadable = "not_json" | "no_object" | "too_deep" | "too_many";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

const LETTER_U = 0x75;
/** `\u0000` */
const ESCAPE_LENGTH = 6;
/** Far more members than any request has; each takes longer than the bytes of a text. */
export const MOST_MEMBERS = 1_000;

/** A byte order mark within the text is no JSON. */
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
export function* membersOf<Name extends string>(
  json: Uint8Array,
  names: readonly Name[],
  deepest: number,
): Walk<Members<Name> | Unreadable> {
  const values: Partial<Record<string, Span>> = {};
  const longStrings: Span[] = [];
  const scan: Scan = { json, deepest, longStrings, at: startOf(json), depth: 0, stringStart: -1 };
  while (!skipSpace(scan)) yield;
  if (json[scan.at] !== OPEN_OBJECT) return scan.at < json.length ? "no_object" : "not_json";
  scan.at++;
  while (!skipSpace(scan)) yield;
  if (json[scan.at] !== CLOSE_OBJECT) {
    for (let count = 1;; count++) {
      const nameStart = scan.at;
      if (json[nameStart] !== QUOTE) return "not_json";
      if (count > MOST_MEMBERS) return "too_many";
      let skipped;
      while ((skipped = skipValue(scan)) === "more") yield;
      if (skipped !== "done") return skipped;
      const nameEnd = scan.at;
      while (!skipSpace(scan)) yield;
      if (json[scan.at] !== COLON) return "not_json";
      scan.at++;
      while (!skipSpace(scan)) yield;
      const start = scan.at;
      while ((skipped = skipValue(scan)) === "more") yield;
      if (skipped !== "done") return skipped;
      if (scan.at === start) return "not_json";
      const first = json[nameStart + 1];
      for (const name of names) {
        // Mostly it is another letter, and nothing more needs to be looked at.
        if (first !== name.charCodeAt(0) && first !== BACKSLASH) continue;
        if (isName(json, nameStart, nameEnd, name)) values[name] = [start, scan.at];
      }
      while (!skipSpace(scan)) yield;
      if (json[scan.at] === CLOSE_OBJECT) break;
      if (json[scan.at] !== COMMA) return "not_json";
      scan.at++;
      while (!skipSpace(scan)) yield;
    }
  }
  scan.at++;
  while (!skipSpace(scan)) yield;
  return scan.at >= json.length ? { values: values as never, longStrings } : "not_json";
}

/** Behind a byte order mark, which servers skip at the beginning. */
function startOf(json: Uint8Array): number {
  return json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf ? 3 : 0;
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
