import { type Scan, skipSpace, skipValue, type Span } from "./json_scan.ts";
import type { Walk } from "../../util/walk.ts";

/** The members found in an object. */
export interface Members<Name extends string> {
  /** The values of the object's own members. */
  readonly values: Partial<Record<Name, Span>>;
  /** All strings of 8 KiB or more, at any depth, in order. */
  readonly longStrings: readonly Span[];
}

/** Why a text's members can't be read. */
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
/** Deeper than any tool's schema; servers' parsers stop soon after. */
export const DEEPEST = 128;
/** Far more members than any request has; each costs more time than the bytes of a string. */
export const MOST_MEMBERS = 1_000;

/** A byte order mark within the text is not valid JSON. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Finds the values of an object's own members without parsing them, in one pass that skips strings
 * quickly. A parser would build every value, and a text can be crafted so that this takes a second
 * per few megabytes. Of deeper values only the brackets are checked; the server reports what else
 * is wrong. Of members with the same name the last counts, as in parsers.
 *
 * @param names of the members to find
 * @param deepest allowed nesting of arrays and objects
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
        // Most names differ in their first letter, so nothing more is compared.
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

/** The position after a byte order mark, which servers skip at the beginning. */
function startOf(json: Uint8Array): number {
  return json[0] === 0xef && json[1] === 0xbb && json[2] === 0xbf ? 3 : 0;
}

/** Parses the value at a span; `undefined` if it is not valid JSON. */
export function valueIn(json: Uint8Array, [start, end]: Span): unknown {
  try {
    return JSON.parse(decoder.decode(json.subarray(start, end)));
  } catch {
    return undefined;
  }
}

/** Whether the string at this span equals `name`, which consists of plain letters. */
function isName(json: Uint8Array, start: number, end: number, name: string): boolean {
  let at = start + 1;
  for (let i = 0; i < name.length; i++) {
    const isEscape = json[at] === BACKSLASH;
    if ((isEscape ? escapedAt(json, at) : json[at]) !== name.charCodeAt(i)) return false;
    at += isEscape ? ESCAPE_LENGTH : 1;
  }
  return at === end - 1;
}

/** Decodes a `\u0000` escape; no other escape stands for a letter. */
function escapedAt(json: Uint8Array, at: number): number | undefined {
  if (json[at + 1] !== LETTER_U) return undefined;
  let code = 0;
  for (let i = at + 2; i < at + ESCAPE_LENGTH; i++) {
    const byte = json[i] ?? 0;
    // The low four bits of a digit are its value; those of a letter are nine less.
    code = code * 16 + (byte & 0x0f) + (byte > 0x39 ? 9 : 0);
  }
  return code;
}
