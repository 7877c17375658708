/** A key by its name: a character as itself, others in words. */
export type Key = string;

const ESCAPE = "\x1b";

/** What follows the escape character when a key that is no character is pressed. */
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

/** Whole sequences after an escape character, known or not. */
const WHOLE = /^(?:\[[0-?]*[ -/]*[@-~]|O[@-~])/;
/** The beginning of one. */
const BEGUN = /^(?:\[[0-?]*[ -/]*|O)?$/;

/** Keys that were typed, and the beginning of one whose rest has not arrived. */
export interface Typed {
  readonly keys: readonly Key[];
  readonly rest: string;
}

/**
 * Reads keys from what a terminal sent.
 *
 * @param text the rest of the last time and what came since
 */
export function readKeys(text: string): Typed {
  const keys: Key[] = [];
  let rest = text;
  while (rest !== "") {
    if (!rest.startsWith(ESCAPE)) {
      const [character] = rest;
      keys.push(character === "\x03" ? "ctrl-c" : character!);
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

/** The keys in a rest that nothing followed: whoever typed it pressed escape. */
export function keysOfRest(rest: string): readonly Key[] {
  return rest === "" ? [] : ["escape"];
}
