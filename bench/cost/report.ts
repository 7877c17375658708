import Table from "cli-table3";
import { median } from "../support/statistics.ts";
import { ratios, referenceOf, type Rounds } from "./statistics.ts";

/** A figure with a bound that the router should meet. */
export interface Aim {
  readonly what: string;
  readonly bound: "at most" | "at least";
  readonly limit: number;
  readonly unit: string;
  /** The value in each round; `undefined` if it could not be measured. */
  readonly rounds: readonly number[] | undefined;
}

export function atMost(
  what: string,
  limit: number,
  unit: string,
  rounds: readonly number[] | undefined,
): Aim {
  return { what, bound: "at most", limit, unit, rounds };
}

const STYLE = { head: [], border: [] };

/**
 * Builds a table with one line per proxy: median, lowest and highest of its rounds, and the median
 * of its ratios to the reference.
 */
export function figures(
  title: string,
  unit: string,
  rounds: Rounds,
  reference: string | undefined = referenceOf(rounds),
): string {
  const table = new Table({
    head: [title, unit, "lowest to highest", `× ${reference ?? "nginx"}`],
    colAligns: ["left", "right", "right", "right"],
    style: STYLE,
  });
  for (const [name, values] of rounds) {
    table.push([name, short(median(values)), spread(values), ratioText(rounds, name, reference)]);
  }
  return table.toString();
}

function ratioText(rounds: Rounds, name: string, reference?: string): string {
  if (reference === undefined) return "unavailable";
  const measured = ratios(rounds, name, reference);
  // Added latency is a difference. If noise makes it negative, it cannot serve as reference.
  return measured ? short(median(measured)) : "within noise";
}

/** Builds a table with one line per aim. */
export function verdicts(aims: readonly Aim[]): string {
  const table = new Table({
    head: ["", "median", "lowest to highest", "aim", "unit", ""],
    colAligns: ["left", "right", "right", "right", "left", "left"],
    style: STYLE,
  });
  for (const { what, bound, limit, unit, rounds } of aims) {
    const aim = `${bound} ${limit}`;
    if (rounds === undefined) table.push([what, "", "", aim, unit, "not measured"]);
    else {
      const measured = median(rounds);
      const isMet = bound === "at most" ? measured <= limit : measured >= limit;
      table.push([what, short(measured), spread(rounds), aim, unit, isMet ? "met" : "not met"]);
    }
  }
  return table.toString();
}

function spread(values: readonly number[]): string {
  return `${short(Math.min(...values))} to ${short(Math.max(...values))}`;
}

function short(value: number): string {
  return value.toFixed(Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0);
}
