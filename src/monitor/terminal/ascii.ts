import { widthOf } from "./text.ts";

/** What stands for the screen's own characters on a terminal that shows only ASCII. */
const STAND_INS: Readonly<Record<string, string>> = {
  "▁": "_",
  "▂": ".",
  "▃": ":",
  "▄": "-",
  "▅": "=",
  "▆": "+",
  "▇": "*",
  "█": "#",
  "░": ".",
  "–": "-",
  "…": "~",
  "▾": "v",
  "↑": "^",
  "↓": "v",
  "✖": "x",
  "✔": "+",
  "•": "*",
};

const characters = new Intl.Segmenter();

/** Replaces characters outside ASCII with as many columns of ASCII. Keeps escapes. */
export function toAscii(line: string): string {
  let ascii = "";
  for (const { segment } of characters.segment(line)) {
    const isAscii = segment.charCodeAt(0) < 0x80 && segment.length === 1;
    ascii += isAscii ? segment : STAND_INS[segment] ?? "?".repeat(widthOf(segment));
  }
  return ascii;
}

/**
 * Returns whether a terminal shows only ASCII: its locale names another character set than UTF-8,
 * or its type has no glyphs for graphs. A container often has no locale; that counts as UTF-8.
 *
 * @param variable returns an environment variable
 */
export function showsOnlyAscii(variable: (name: string) => string | undefined): boolean {
  if (/^(dumb|linux|vt\d+)$/.test(variable("TERM") ?? "")) return true;
  const locale = variable("LC_ALL") || variable("LC_CTYPE") || variable("LANG");
  return locale ? !/utf-?8/i.test(locale) : false;
}
