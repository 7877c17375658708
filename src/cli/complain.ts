import type { Problem } from "../config/schema.ts";

/** Tells the operator what is wrong, a line each, on stderr. */
export function complain(...lines: string[]): void {
  for (const line of lines) console.error(`error: ${line}`);
}

export function describe({ where, what }: Problem): string {
  return `${where}: ${what}`;
}
