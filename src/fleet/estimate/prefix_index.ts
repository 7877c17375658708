import { createBlockSets } from "./block_sets.ts";
import { createColumn } from "./column.ts";

/** Index of the prompt prefixes that each server has seen. */
export interface PrefixIndex {
  /** Returns how many leading blocks of a prompt a server has seen, by the server's slot. */
  match(blocks: readonly number[]): (slot: number) => number;
  /**
   * Records that a prompt was sent to a server. Its blocks become the most recently used, its
   * beginning more recently than its end, as in the server's own cache. Blocks that were already
   * recent stay in place. New blocks are only promised until confirmed.
   */
  remember(slot: number, blocks: readonly number[]): void;
  /** Makes those of a prompt's blocks that are still there the most recently used. */
  touch(slot: number, blocks: readonly number[]): void;
  /** Confirms that a server has computed a prompt's blocks. */
  confirm(slot: number, blocks: readonly number[]): void;
  /** Removes the blocks of a failed prompt, except those already confirmed. */
  withdraw(slot: number, blocks: readonly number[]): void;
  /** Forgets everything about a server. */
  forget(slot: number): void;
  /** Limits the blocks of a server. The least recently used are evicted. */
  limit(slot: number, blocks: number): void;
  /** Returns the number of blocks of a server. */
  size(slot: number): number;
  /** Goes through a server's confirmed blocks, the most recently used first. One walk at a time. */
  recent(slot: number): Generator<number>;
}

/** A block used within this share of the limit counts as recent and stays in place. */
const RECENT = 1 / 8;
/** The use counter wraps to 0 after this. */
const LAST_USE = 2 ** 31 - 1;
/** Evictions per call, on top of the prompt's own number of blocks. The rest follow later. */
const MOST_LEAVING = 500;
const UNSEEN = -1;

/** Marks a use count as that of a block still to be computed, or unmarks it. */
function promise(use: number): number {
  return ~use;
}

/** @param mostBlocks limit over all servers */
export function createPrefixIndex(mostBlocks: number): PrefixIndex {
  /** One set per server, the least recently used block first. */
  const sets = createBlockSets(mostBlocks);
  /** By place, the use count when last used; a {@linkcode promise} if still to be computed. */
  const usedAt = createColumn();
  /** Number of the set, by slot. A forgotten slot gets a new set. */
  let setNumbers: ReadonlyMap<number, number> = new Map();
  /** Forgotten sets that aren't empty yet. */
  const forgotten = new Set<number>();
  /** Use counter, by slot. */
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
    // Copied, since earlier matches keep using the old map.
    setNumbers = new Map(setNumbers).set(slot, set);
    sets.open(set);
    return set;
  }

  const sizeOf = (slot: number) => sizes[slot] ?? 0;
  function grow(slot: number, by: number): void {
    sizes[slot] = sizeOf(slot) + by;
    total += by;
  }

  /** Evicts this many blocks. */
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
    // The server with the most blocks makes room, or the first servers would crowd out others.
    let largest = slot;
    sizes.forEach((size, other) => {
      if (size > sizeOf(largest)) largest = other;
    });
    shrink(largest, total - mostBlocks);
  }

  /** Removes up to this many blocks of forgotten sets. */
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

  /** Makes blocks the most recently used, and adds those that aren't there if asked to. */
  function use(slot: number, blocks: readonly number[], adds: boolean): void {
    const set = setOf(slot);
    const recent = Math.floor(RECENT * Math.min(limits[slot] ?? Infinity, mostBlocks));
    let count = uses[slot] ?? 0;
    let added = 0;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const block = blocks[i]!;
      let place = sets.find(set, block);
      let isPromise = true;
      if (place === 0) {
        if (!adds) continue;
        place = sets.add(set, block);
        added++;
      } else {
        const last = usedAt.get(place);
        isPromise = last < 0;
        // Blocks that all prompts share are used all the time: they stay in place while recent.
        if (((count - (isPromise ? promise(last) : last)) & LAST_USE) <= recent) continue;
        sets.moveLast(set, place);
      }
      usedAt.set(place, isPromise ? promise(count) : count);
      count = (count + 1) & LAST_USE;
    }
    uses[slot] = count;
    grow(slot, added);
  }

  function remember(slot: number, blocks: readonly number[]): void {
    clearAway(blocks.length + MOST_LEAVING);
    use(slot, blocks, true);
    // The server's limit isn't enforced yet: a request that may fail must not evict anything.
    keepToCap(slot);
  }

  /** Confirms promised blocks. Returns whether all of these blocks are present. */
  function keepPromises(slot: number, blocks: readonly number[]): boolean {
    const set = setOf(slot);
    let areKnown = true;
    for (const block of blocks) {
      const place = sets.find(set, block);
      const last = usedAt.get(place);
      if (place === 0) areKnown = false;
      else if (last < 0) usedAt.set(place, promise(last));
    }
    return areKnown;
  }

  return {
    match(blocks) {
      const matched = sets.match(blocks);
      const numbers = setNumbers;
      return (slot) => matched[numbers.get(slot) ?? UNSEEN] ?? 0;
    },
    remember,
    touch: (slot, blocks) => use(slot, blocks, false),
    confirm(slot, blocks) {
      // Another failed prompt may have removed some of them.
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
    recent: (slot) => sets.backwards(setOf(slot), (place) => usedAt.get(place) >= 0),
  };
}
