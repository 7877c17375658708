import { DIRECT, type Latency, type Rounds } from "./measure.ts";

/** References for ratios; the first one measured is used. */
const REFERENCES = ["nginx", "HAProxy"];

export function referenceOf(rounds: Rounds<unknown>): string | undefined {
  return REFERENCES.find((name) => rounds.has(name));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Returns the ratio to the reference per round, since both had the same noise in a round. */
export function ratios(
  rounds: Rounds,
  name: string,
  reference: string,
): number[] {
  const below = rounds.get(reference)!;
  return rounds.get(name)!.map((value, round) => value / below[round]!);
}

/** Returns the latency each proxy adds to the simulator's in the same round, in milliseconds. */
export function added(
  rounds: Rounds<Latency>,
  quantile: keyof Latency,
): Rounds {
  const direct = rounds.get(DIRECT)!;
  return new Map(
    [...rounds].filter(([name]) => name !== DIRECT).map(([name, values]) => [
      name,
      values.map((value, round) => value[quantile] - direct[round]![quantile]),
    ]),
  );
}
