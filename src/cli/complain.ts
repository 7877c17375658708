import type { Checked } from "../config/schema.ts";

/** Prints an error as one line on stderr. */
export function complain(what: string): void {
  console.error(`error: ${what}`);
}

/** Prints each warning and each problem of a configuration as one line on stderr. */
export function complainOf(checked: Checked): void {
  for (const { where, what } of checked.warnings) console.error(`warning: ${where}: ${what}`);
  if (!checked.ok) {
    for (const { where, what } of checked.problems) {
      complain(`${where}: ${what}`);
    }
  }
}
