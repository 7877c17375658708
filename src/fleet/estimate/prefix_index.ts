import { createBlockSets } from "./block_sets.ts";
import { createColumn } from "./column.ts";

/** Which servers have seen the beginnings of which prompts. */
export interface PrefixIndex {
  /** How many of a prompt's blocks each server has seen from the first on, by the server's slot. */
  match(blocks: readonly number[]): (slot: number) => number;
  /**
   * A prompt went to a server: its blocks are the last that leave again, its end before its
   * beginning as in the server's own cache, but for what was put there a moment ago. New ones are
   * there by promise.
   */
  remember(slot: number, blocks: readonly number[]): void;
  /** A server has computed a prompt: its blocks are there. */
  confirm(slot: number, blocks: readonly number[]): void;
  /** A prompt came to nothing: those of its blocks that nobody else confirmed aren't there. */
  withdraw(slot: number, blocks: readonly number[]): void;
  /** What a server has seen is gone. */
  forget(slot: number): void;
  /** How many blocks a server may hold; those longest unused leave. */
  limit(slot: number, blocks: number): void;
  /** Blocks that are known of a server. */
  size(slot: number): number;
}

/** A block that was put among so large a part of the last needn't move to their end. */
const RECENT = 1 / 8;
/** Puts are counted up to here, and then from 0 on. */
const LAST_USE = 2 ** 31 - 1;
/** Beside as many blocks as a prompt has, so many leave at once: the rest leaves bit by bit. */
const MOST_LEAVING = 500;
const UNSEEN = -1;

/** A place in the order as that of a block which is yet to be computed, and back. */
function promise(use: number): number {
  return ~use;
}

/** @param mostBlocks that all servers together may hold */
export function createPrefixIndex(mostBlocks: number): PrefixIndex {
  /** Each with the longest unused first. */
  const sets = createBlockSets(mostBlocks);
  /** By place, how many were put in the set before; a {@linkcode promise} if yet to be computed. */
  const usedAt = createColumn();
  /** Of each slot, the number of its set: another one once it was forgotten. */
  let setNumbers: ReadonlyMap<number, number> = new Map();
  /** Sets that were forgotten and aren't empty yet. */
  const forgotten = new Set<number>();
  /** Of each slot, how many blocks were put in its set so far. */
  const uses: number[] = [];
  const sizes: number[] = [];
  const limits: number[] = [];
  let total = 0;

  function setOf(slot: number): number {
    const known = setNumbers.get(slot);
    if (known !== undefined) return known;
    const taken = new Set([...setNumbers.values(), ...forgotten]);
    let set = slot;
    while (taken.has(set)) set++;
    // Anew, since what was matched before goes on with the old ones.
    setNumbers = new Map(setNumbers).set(slot, set);
    sets.open(set);
    return set;
  }

  const sizeOf = (slot: number) => sizes[slot] ?? 0;
  function grow(slot: number, by: number): void {
    sizes[slot] = sizeOf(slot) + by;
    total += by;
  }

  /** Lets so many leave. */
  function shrink(slot: number, excess: number): void {
    if (excess <= 0) return;
    const set = setOf(slot);
    for (let i = 0; i < excess; i++) sets.remove(set, sets.first(set));
    grow(slot, -excess);
  }

  function keepToLimit(slot: number, mostLeaving: number): void {
    shrink(slot, Math.min(mostLeaving, sizeOf(slot) - (limits[slot] ?? Infinity)));
  }

  function keepToCap(slot: number): void {
    if (total <= mostBlocks) return;
    // Whoever holds most makes room: else those that came first would leave nothing to others.
    let largest = slot;
    sizes.forEach((size, other) => {
      if (size > sizeOf(largest)) largest = other;
    });
    shrink(largest, total - mostBlocks);
  }

  /** Clears away what was forgotten, as far as so many blocks are. */
  function clearAway(most: number): void {
    for (const set of forgotten) {
      for (let place; (place = sets.first(set)) !== 0; most--) {
        if (most <= 0) return;
        sets.remove(set, place);
      }
      sets.close(set);
      forgotten.delete(set);
    }
  }

  function remember(slot: number, blocks: readonly number[]): void {
    clearAway(blocks.length + MOST_LEAVING);
    const set = setOf(slot);
    const recent = Math.floor(RECENT * Math.min(limits[slot] ?? Infinity, mostBlocks));
    let use = uses[slot] ?? 0;
    let added = 0;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const block = blocks[i]!;
      let place = sets.find(set, block);
      let isPromise = true;
      if (place === 0) {
        place = sets.add(set, block);
        added++;
      } else {
        const last = usedAt.get(place);
        isPromise = last < 0;
        // What all prompts share is used all the time: it stays where it is while that is near.
        if (((use - (isPromise ? promise(last) : last)) & LAST_USE) <= recent) continue;
        sets.moveLast(set, place);
      }
      usedAt.set(place, isPromise ? promise(use) : use);
      use = (use + 1) & LAST_USE;
    }
    uses[slot] = use;
    grow(slot, added);
    // Not to the server's limit yet: what may be refused pushes nothing out.
    keepToCap(slot);
  }

  /** What was promised is there. Returns whether all of these blocks are. */
  function keepPromises(slot: number, blocks: readonly number[]): boolean {
    const set = setOf(slot);
    let areThere = true;
    for (const block of blocks) {
      const place = sets.find(set, block);
      const last = usedAt.get(place);
      if (place === 0) areThere = false;
      else if (last < 0) usedAt.set(place, promise(last));
    }
    return areThere;
  }

  return {
    match(blocks) {
      const matched = sets.match(blocks);
      const numbers = setNumbers;
      return (slot) => matched[numbers.get(slot) ?? UNSEEN] ?? 0;
    },
    remember,
    confirm(slot, blocks) {
      // Another one that came to nothing may have taken some of them along.
      if (!keepPromises(slot, blocks)) {
        remember(slot, blocks);
        keepPromises(slot, blocks);
      }
      keepToLimit(slot, blocks.length + MOST_LEAVING);
    },
    withdraw(slot, blocks) {
      const set = setOf(slot);
      for (const block of blocks) {
        const place = sets.find(set, block);
        if (place === 0 || usedAt.get(place) >= 0) continue;
        sets.remove(set, place);
        grow(slot, -1);
      }
    },
    forget(slot) {
      const set = setNumbers.get(slot);
      if (set === undefined) return;
      forgotten.add(set);
      setNumbers = new Map([...setNumbers].filter(([other]) => other !== slot));
      grow(slot, -sizeOf(slot));
    },
    limit(slot, blocks) {
      limits[slot] = blocks;
      keepToLimit(slot, MOST_LEAVING);
    },
    size: sizeOf,
  };
}
