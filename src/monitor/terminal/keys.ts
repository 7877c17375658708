/** Name of a key: a character as itself, other keys as words. */
export type Key = string;

const ESCAPE = "\x1b";

/** Keys by the characters that follow escape. */
const NAMES: Readonly<Record<string, Key>> = {
  "[A": "up",
  "[B": "down",
  "[5~": "page up",
  "[6~": "page down",
  "[H": "home",
  "[1~": "home",
  "[7~": "home",
  "[F": "end",
  "[4~": "end",
  "[8~": "end",
  "OA": "up",
  "OB": "down",
  "OH": "home",
  "OF": "end",
};

/** Control characters that are keys. Enter sends a carriage return, or a line feed. */
const CONTROLS: Readonly<Record<string, Key>> = { "\x03": "ctrl-c", "\r": "enter", "\n": "enter" };

/** A complete sequence after an escape character, known or not. */
const WHOLE = /^(?:\[[0-?]*[ -/]*[@-~]|O[@-~])/;
/** The beginning of a sequence. */
const BEGUN = /^(?:\[[0-?]*[ -/]*|O)?$/;

/** Typed keys, and the beginning of an incomplete sequence. */
export interface Typed {
  readonly keys: readonly Key[];
  readonly rest: string;
}

/**
 * Reads keys from a terminal's input.
 *
 * @param text the rest of the previous call plus new input
 */
export function readKeys(text: string): Typed {
  const keys: Key[] = [];
  let rest = text;
  while (rest !== "") {
    if (!rest.startsWith(ESCAPE)) {
      const [character] = rest;
      keys.push(CONTROLS[character!] ?? character!);
      rest = rest.slice(character!.length);
      continue;
    }
    const after = rest.slice(1);
    if (BEGUN.test(after)) break;
    const [sequence = ""] = WHOLE.exec(after) ?? [];
    keys.push(sequence === "" ? "escape" : NAMES[sequence] ?? "unknown");
    rest = after.slice(sequence.length);
  }
  return { keys, rest };
}

/** Returns the keys in a rest that nothing followed: the escape key. */
export function keysOfRest(rest: string): readonly Key[] {
  return rest === "" ? [] : ["escape"];
}
