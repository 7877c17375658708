import Table from "cli-table3";
import type { Rounds } from "./measure.ts";
import { median, ratios, referenceOf } from "./statistics.ts";

/** A figure with an upper bound that the router should meet. */
export interface Aim {
  readonly what: string;
  readonly most: number;
  /** `undefined` if it could not be measured. */
  readonly measured: number | undefined;
  readonly unit: string;
}

export const ROUTER = "vllm-router";
const UNAVAILABLE = "ratio unavailable";

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
    style: { head: [], border: [] },
  });
  for (const [name, values] of rounds) {
    table.push([
      name,
      short(median(values)),
      `${short(Math.min(...values))} to ${short(Math.max(...values))}`,
      ratioText(rounds, name, reference),
    ]);
  }
  return table.toString();
}

function ratioText(rounds: Rounds, name: string, reference?: string): string {
  if (reference === undefined) return UNAVAILABLE;
  // Added latency is a difference. If noise makes it negative, it cannot serve as reference.
  if (rounds.get(reference)!.some((value) => value <= 0)) return "within noise";
  return short(median(ratios(rounds, name, reference)));
}

/** Returns the router's cost as a multiple of nginx's; `undefined` without nginx. */
export function timesNginx(rounds: Rounds): number | undefined {
  return rounds.has("nginx") ? median(ratios(rounds, ROUTER, "nginx")) : undefined;
}

export function verdict({ what, most, measured, unit }: Aim): string {
  const aim = `${what}: at most ${most} ${unit}`;
  if (measured === undefined) return `${aim}: ${UNAVAILABLE}`;
  const met = measured <= most ? "met" : "not met";
  return `${aim}: ${met}, ${short(measured)} ${unit}`;
}

function short(value: number): string {
  return value.toFixed(
    Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0,
  );
}
