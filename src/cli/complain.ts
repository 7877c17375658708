import type { Checked } from "../config/schema.ts";

/** Tells the operator what is wrong, in one line on stderr. */
export function complain(what: string): void {
  console.error(`error: ${what}`);
}

/** Tells the operator everything that is wrong or odd in a configuration, a line each. */
export function complainOf(checked: Checked): void {
  for (const { where, what } of checked.warnings) console.error(`warning: ${where}: ${what}`);
  if (!checked.ok) {
    for (const { where, what } of checked.problems) {
      complain(`${where}: ${what}`);
    }
  }
}
