import { createColumn } from "./column.ts";

/** Pairs of whole numbers of 32 bits, each at a place of its own, from 1 on. */
export interface PairTable {
  /** The place of a pair, 0 where it isn't there. */
  find(first: number, second: number): number;
  /** Gives a place to a pair that has none: one that was given back, else the next. */
  add(first: number, second: number): number;
  /** Gives a place back. */
  remove(place: number): void;
  /** The first number of the pair at a place. */
  firstAt(place: number): number;
}

/**
 * A hash table that never grows by being made anew, which takes a map of a million a fifth of a
 * second.
 *
 * @param most pairs, about: with more of them it is slower
 */
export function createPairTable(most: number): PairTable {
  const mask = 2 ** Math.ceil(Math.log2(most + 1)) - 1;
  /** Of each bucket, the place of its first pair. */
  const heads = createColumn();
  /** Of each place, the next of its bucket, or of those that were given back. */
  const next = createColumn();
  const firsts = createColumn();
  const seconds = createColumn();
  let free = 0;
  let last = 0;

  function bucketOf(first: number, second: number): number {
    const hash = Math.imul(Math.imul(first, 0x9e3779b1) ^ second, 0x85ebca6b);
    return (hash ^ (hash >>> 15)) & mask;
  }

  return {
    find(first, second) {
      let place = heads.get(bucketOf(first, second));
      while (place !== 0 && (firsts.get(place) !== first || seconds.get(place) !== second)) {
        place = next.get(place);
      }
      return place;
    },
    add(first, second) {
      const place = free === 0 ? ++last : free;
      if (place === free) free = next.get(place);
      const bucket = bucketOf(first, second);
      firsts.set(place, first);
      seconds.set(place, second);
      next.set(place, heads.get(bucket));
      heads.set(bucket, place);
      return place;
    },
    remove(place) {
      const bucket = bucketOf(firsts.get(place), seconds.get(place));
      const after = next.get(place);
      let before = heads.get(bucket);
      if (before === place) heads.set(bucket, after);
      else {
        while (next.get(before) !== place) before = next.get(before);
        next.set(before, after);
      }
      next.set(place, free);
      free = place;
    },
    firstAt: (place) => firsts.get(place),
  };
}
