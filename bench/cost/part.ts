import type { Aim } from "./report.ts";
import type { Bench } from "./rounds.ts";

/** Measures, prints tables and returns the aims with the measured values. */
export type Part = (bench: Bench) => Promise<readonly Aim[]>;

/** Prints a table or a message with an empty line after it. */
export function print(text: string): void {
  console.log(`${text}\n`);
}
