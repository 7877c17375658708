import { shown } from "./zod_types.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** What a configuration refers to beside itself. */
export interface References {
  /** Looks up an environment variable, for `${NAME}` in keys. */
  readonly env: (name: string) => string | undefined;
  /** Reads a file. Throws an `Error` that says why it can't. */
  readonly file: (name: string) => string;
}

/** A text with its `${NAME}`s filled in. */
export function expandEnv(
  text: string,
  where: string,
  { env }: References,
  problems: Diagnostic[],
): string {
  return text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = /^[A-Za-z_]\w*$/.test(name) ? env(name) : undefined;
    if (!value?.trim()) {
      problems.push({ where, what: `the environment variable ${shown(name)} is not set` });
    }
    return value ?? "";
  });
}

/** What a header can carry as one word. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * A key with its `${NAME}`s filled in. Blanks around it are dropped: a variable that was filled from
 * a file ends in a line break.
 *
 * @returns `undefined` where there is a problem
 */
export function keyIn(
  written: string,
  where: string,
  outside: References,
  problems: Diagnostic[],
): string | undefined {
  const before = problems.length;
  const key = expandEnv(written, where, outside, problems).trim();
  if (problems.length > before) return undefined;
  if (KEY.test(key)) return key;
  const what = "expected a key of visible ASCII characters without spaces, or no client can show " +
    "it; what is there is not repeated";
  problems.push({ where, what });
  return undefined;
}

/** What a file holds; `undefined` where none is named, or where it can't be read. */
export function readReferences(
  name: string | undefined,
  where: string,
  { file }: References,
  problems: Diagnostic[],
): string | undefined {
  if (name === undefined) return undefined;
  if (name.includes("\n")) {
    // The file's text in place of its name: there may be a private key in it.
    problems.push({ where, what: "expected the name of a file; what is there is not repeated" });
    return undefined;
  }
  try {
    return file(name);
  } catch (error) {
    // Who writes the key itself in the place of its file's name doesn't want it in the log.
    const what = name.includes("\n")
      ? "expected the name of a file; what is there is not repeated"
      : `${shown(name)} ${(error as Error).message}`;
    problems.push({ where, what });
    return undefined;
  }
}
