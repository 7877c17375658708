import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import type { Diagnostic } from "./diagnostic.ts";

/** Formats a value for a message. Omits the contents of tables and lists: they may contain keys. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  // TOML's spelling; JSON has neither value.
  if (typeof value === "number" && !Number.isFinite(value)) {
    return String(value).replace("NaN", "nan").replace("Infinity", "inf");
  }
  if (typeof value === "object" && value !== null && !(value instanceof Date)) return "a table";
  return JSON.stringify(value) ?? String(value);
}

export function expected<T>(what: string, accepts: (value: unknown) => boolean) {
  return z.custom<T>(accepts, {
    error: (issue) => `expected ${what}, got ${shown(issue.input)}`,
  });
}

const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);

export const wholeNumber = (least: number) =>
  expected<number>(
    `a whole number of at least ${least}`,
    (value) => Number.isSafeInteger(value) && Number(value) >= least,
  );

/** One day: longer than any sensible interval here, and within the range of timers. */
const LONGEST_SECONDS = 86_400;

export const anySeconds = expected<number>(
  `a number of seconds above 0 and up to ${LONGEST_SECONDS}`,
  (value) => isNumber(value) && value > 0 && value <= LONGEST_SECONDS,
);
export const seconds = (fallback: number) => anySeconds.default(fallback);
export const secondsOrNone = expected<number>(
  `a number of seconds from 0 to ${LONGEST_SECONDS}`,
  (value) => isNumber(value) && value >= 0 && value <= LONGEST_SECONDS,
);

export const share = expected<number>(
  "a number from 0 to 1",
  (value) => isNumber(value) && value >= 0 && value <= 1,
);
export const yesOrNo = expected<boolean>(
  "true or false",
  (value) => typeof value === "boolean",
);
export const text = expected<string>(
  "a non-empty string",
  (value) => typeof value === "string" && value.trim() !== "",
);
export const table = (what: string) => ({
  error: (issue: { input?: unknown }) => `expected ${what}, got ${shown(issue.input)}`,
});

/** A string that is or may contain a secret: messages never show it. */
export const secret = (what: string) =>
  z.custom<string>((value) => typeof value === "string" && value.trim() !== "", {
    error: `expected ${what}; the value is not shown`,
  });

/** Reports each unknown key of a table, suggesting a similar known key or listing the known keys. */
export function unknownIn(
  table: Record<string, unknown>,
  known: object,
  prefix: string,
  what = "unknown key, ignored",
): Diagnostic[] {
  const names = Object.keys(known);
  return Object.keys(table).filter((key) => !names.includes(key)).map((key) => ({
    where: prefix + key,
    what: what + hintTo(key, names),
  }));
}

/** Maximum edit distance of a typo. */
const MISTAKEN_LETTERS = 3;
/** Names up to this length are within one or two edits of many words. */
const SHORT_NAME = 4;
/** A longer list of names is not useful. */
const LISTED_NAMES = 16;

function hintTo(key: string, names: readonly string[]): string {
  const name = closest(key, names);
  if (isMistyped(key, name)) return `; did you mean ${name}?`;
  return names.length <= LISTED_NAMES ? `; expected one of ${names.join(", ")}` : "";
}

function isMistyped(key: string, name: string): boolean {
  return distance(key, name) <= Math.min(MISTAKEN_LETTERS, Math.ceil(key.length / 3));
}

/**
 * Whether a key looks like a misspelling of a name: a few letters off, different case, missing
 * underscores, two letters swapped, or a longer word that starts with the name.
 */
export function isMistakenFor(key: string, name: string): boolean {
  const [written, meant] = [key, name].map((text) => text.toLowerCase().replace(/[^a-z]/g, ""));
  if (written === undefined || meant === undefined || written === "") return false;
  const sorted = (text: string) => [...text].sort().join("");
  const isClose = meant.length > SHORT_NAME
    ? isMistyped(written, meant)
    : distance(written, meant) <= 1;
  return isClose || sorted(written) === sorted(meant) ||
    (meant.length >= SHORT_NAME && written.startsWith(meant));
}

/** Returns a value, or its member `key`, as a table; an empty table if it isn't one. */
export function tableAt(value: unknown, key?: string): Record<string, unknown> {
  const at = key === undefined ? value : (value as Record<string, unknown>)[key];
  return typeof at === "object" && at !== null && !Array.isArray(at)
    ? at as Record<string, unknown>
    : {};
}
