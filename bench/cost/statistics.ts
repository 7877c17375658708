/** The measured values per round, by proxy name. */
export type Rounds<T = number> = ReadonlyMap<string, readonly T[]>;

/** The name of the upstream measured without a proxy. */
export const DIRECT = "direct";
/** References for ratios; the first one measured is used. */
const REFERENCES = ["nginx", "HAProxy"];

export function referenceOf(rounds: Rounds<unknown>): string | undefined {
  return REFERENCES.find((name) => rounds.has(name));
}

/** Returns a value that this share of the values don't exceed; 0 without values. */
export function quantileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
}

/**
 * Returns the ratio to the reference per round, since both had the same noise in a round.
 *
 * @returns `undefined` if one of them was not measured, or noise made the reference negative
 */
export function ratios(rounds: Rounds, name: string, reference: string): number[] | undefined {
  const above = rounds.get(name);
  const below = rounds.get(reference);
  if (!above || !below || below.some((value) => value <= 0)) return undefined;
  return above.map((value, round) => value / below[round]!);
}

/** Returns what each proxy adds to the upstream's own value in the same round. */
export function added<T>(rounds: Rounds<T>, valueOf: (measured: T) => number): Rounds {
  const direct = rounds.get(DIRECT);
  if (!direct) return new Map();
  return new Map(
    [...rounds].filter(([name]) => name !== DIRECT).map(([name, values]) => [
      name,
      values.map((value, round) => valueOf(value) - valueOf(direct[round]!)),
    ]),
  );
}
