import { shown } from "./zod_types.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** External sources that a configuration refers to. */
export interface References {
  /** Looks up an environment variable, for `${NAME}` in keys. */
  readonly env: (name: string) => string | undefined;
  /** Reads a file. Throws an `Error` that states the reason if it fails. */
  readonly file: (name: string) => string;
  /** Resolves the name of a file relative to the configuration's folder. */
  readonly resolve: (name: string) => string;
}

/** Expands `${NAME}` references. Reports unset variables to `problems`. */
export function expandEnv(
  text: string,
  where: string,
  { env }: Pick<References, "env">,
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

/** Whether a text is visible ASCII: what a header can carry as one token. */
export function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text);
}

/**
 * Expands the `${NAME}` references in a key. Trims whitespace, since a variable filled from a file
 * often ends with a newline.
 *
 * @returns `undefined` after reporting a problem
 */
export function keyIn(
  written: string,
  where: string,
  outside: Pick<References, "env">,
  problems: Diagnostic[],
): string | undefined {
  const before = problems.length;
  const key = expandEnv(written, where, outside, problems).trim();
  if (problems.length > before) return undefined;
  if (isKey(key)) return key;
  const what = "expected a key of visible ASCII characters without spaces; the value is not shown";
  problems.push({ where, what });
  return undefined;
}

/** Returns a file's contents, or `undefined` if no file is named or it can't be read. */
export function readReferences(
  name: string | undefined,
  where: string,
  { file }: References,
  problems: Diagnostic[],
): string | undefined {
  if (name === undefined) return undefined;
  if (name.includes("\n")) {
    // The file's contents were given instead of its name. They may include a private key.
    problems.push({ where, what: "expected a file name; the value is not shown" });
    return undefined;
  }
  try {
    return file(name);
  } catch (error) {
    // A key given instead of a file name must not reach the log.
    const what = name.includes("\n")
      ? "expected a file name; the value is not shown"
      : `${shown(name)} ${(error as Error).message}`;
    problems.push({ where, what });
    return undefined;
  }
}
