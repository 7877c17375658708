import { seeded } from "../../../support/random.ts";

/** Choices by a seed. */
export interface Chance {
  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number;
  /** Whether an event of this probability happens. */
  happens(probability: number): boolean;
  /** One of the items. */
  pick<Item>(items: readonly Item[]): Item;
}

/** The choices of one case; the same seed and case give the same choices. */
export function chanceOf(seed: number, nth: number): Chance {
  const next = seeded(Math.imul(seed, 0x9E3779B1) ^ Math.imul(nth + 1, 0x85EBCA6B));
  const below = (bound: number) => Math.floor(next() * bound);
  return {
    below,
    happens: (probability) => next() < probability,
    pick: (items) => items[below(items.length)]!,
  };
}
