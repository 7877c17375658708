import { type Column, createColumn } from "./column.ts";
import { createPairTable } from "./pair_table.ts";
import { createRings } from "./rings.ts";

/**
 * Ordered sets of blocks, numbered from 0. Each block in a set has a place, a number from 1, by
 * which callers can store more data about it.
 */
export interface BlockSets {
  /** Creates a set with this number. */
  open(set: number): void;
  /** Removes an empty set. */
  close(set: number): void;
  /** Returns the place of a block in a set, 0 if it isn't there. */
  find(set: number, block: number): number;
  /** Appends a block that isn't in the set. Returns its place. */
  add(set: number, block: number): number;
  /** Moves a block to the end of its set. */
  moveLast(set: number, place: number): void;
  remove(set: number, place: number): void;
  /** Returns the place of a set's first block, 0 if the set is empty. */
  first(set: number): number;
  /**
   * Goes through the blocks of a set whose places are accepted, the last one first. The set may
   * change meanwhile: blocks that move to the end are not visited. Only one walk at a time.
   */
  backwards(set: number, accepts: (place: number) => boolean): Generator<number>;
  /** Returns the length of the longest prefix of `blocks` in each set, by set number. */
  match(blocks: readonly number[]): Uint32Array;
}

const SETS_PER_WORD = 32;
const NOTHING = new Uint32Array();

/**
 * Creates block sets. Each block has one bit per set, so that it is looked up once for all sets.
 *
 * @param most approximate number of blocks in all sets; more of them make it slower
 */
export function createBlockSets(most: number): BlockSets {
  /** All blocks in any set, each paired with 0. */
  const known = createPairTable(most);
  /** By a block's place in `known`, one bit per set that has it, in words of 32 sets. */
  const words: Column[] = [];
  /** Pairs of a block's place in `known` and a set; 0 and a set is the head of the set's ring. */
  const held = createPairTable(most);
  const rings = createRings();

  const wordOf = (set: number) => Math.floor(set / SETS_PER_WORD);
  const bitOf = (set: number) => 1 << (set % SETS_PER_WORD);
  const ringOf = (set: number) => held.find(0, set);

  return {
    open(set) {
      rings.start(held.add(0, set));
      while (words.length <= wordOf(set)) words.push(createColumn());
    },
    close: (set) => held.remove(ringOf(set)),
    find(set, block) {
      const knownAt = known.find(block, 0);
      return knownAt === 0 ? 0 : held.find(knownAt, set);
    },
    add(set, block) {
      const knownAt = known.find(block, 0) || known.add(block, 0);
      const word = words[wordOf(set)]!;
      word.set(knownAt, word.get(knownAt) | bitOf(set));
      const place = held.add(knownAt, set);
      rings.putLast(ringOf(set), place);
      return place;
    },
    moveLast(set, place) {
      rings.takeOut(place);
      rings.putLast(ringOf(set), place);
    },
    remove(set, place) {
      rings.takeOut(place);
      const knownAt = held.firstAt(place);
      held.remove(place);
      const word = words[wordOf(set)]!;
      word.set(knownAt, word.get(knownAt) & ~bitOf(set));
      if (words.every((word) => word.get(knownAt) === 0)) known.remove(knownAt);
    },
    first(set) {
      const ring = ringOf(set);
      const first = rings.first(ring);
      return first === ring ? 0 : first;
    },
    *backwards(set, accepts) {
      for (const place of rings.backwards(ringOf(set))) {
        if (accepts(place)) yield known.firstAt(held.firstAt(place));
      }
    },
    match(blocks) {
      const first = blocks.length === 0 ? 0 : known.find(blocks[0]!, 0);
      if (first === 0) return NOTHING;
      const alive = words.map((word) => word.get(first));
      const matched = new Uint32Array(alive.length * SETS_PER_WORD);
      let some = 1;
      let depth = 1;
      for (; some !== 0 && depth < blocks.length; depth++) {
        const knownAt = known.find(blocks[depth]!, 0);
        some = 0;
        for (let i = 0; i < alive.length; i++) {
          if (alive[i] === 0) continue;
          const left = alive[i]! & words[i]!.get(knownAt);
          settle(alive[i]! & ~left, i, depth);
          alive[i] = left;
          some |= left;
        }
      }
      for (let i = 0; i < alive.length; i++) settle(alive[i]!, i, depth);
      return matched;

      function settle(word: number, index: number, depth: number): void {
        for (let bits = word; bits !== 0; bits &= bits - 1) {
          matched[index * SETS_PER_WORD + 31 - Math.clz32(bits & -bits)] = depth;
        }
      }
    },
  };
}
