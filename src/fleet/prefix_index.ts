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

const SLOTS_PER_WORD = 32;
/** A block that was put among so large a part of the last needn't move to their end. */
const RECENT = 1 / 8;

/** A place in the order as that of a block which is yet to be computed, and back. */
function promise(use: number): number {
  return -1 - use;
}

/**
 * An index over all servers: per block one bit for each server, so that a prompt is looked up once
 * and not once for each server.
 *
 * @param mostBlocks that all servers together may hold
 */
export function createPrefixIndex(mostBlocks: number): PrefixIndex {
  /** Servers that hold a block, one bit each, in words of 32. */
  const holders = new Map<number, number[]>();
  /**
   * Of each slot, its blocks, the longest unused first, and how many were put before each; of those
   * that the server has yet to compute as a {@linkcode promise}.
   */
  const used: Map<number, number>[] = [];
  /** Of each slot, how many blocks were put at its end so far. */
  const uses: number[] = [];
  const limits: number[] = [];
  let total = 0;

  const usedOf = (slot: number) => used[slot] ??= new Map();
  const wordOf = (slot: number) => Math.floor(slot / SLOTS_PER_WORD);
  const bitOf = (slot: number) => 1 << (slot % SLOTS_PER_WORD);

  function add(slot: number, block: number): void {
    const words = holders.get(block) ?? [];
    if (words.length === 0) holders.set(block, words);
    const word = wordOf(slot);
    while (words.length <= word) words.push(0);
    words[word]! |= bitOf(slot);
    total++;
  }

  function drop(slot: number, block: number): void {
    used[slot]!.delete(block);
    const words = holders.get(block)!;
    words[wordOf(slot)]! &= ~bitOf(slot);
    if (words.every((word) => word === 0)) holders.delete(block);
    total--;
  }

  function keepToLimit(slot: number): void {
    shrink(slot, limits[slot] ?? Infinity);
  }

  function keepToCap(slot: number): void {
    if (total <= mostBlocks) return;
    // Whoever holds most makes room: else those that came first would leave nothing to others.
    let largest = slot;
    used.forEach(({ size }, other) => {
      if (size > used[largest]!.size) largest = other;
    });
    shrink(largest, used[largest]!.size - (total - mostBlocks));
  }

  function shrink(slot: number, most: number): void {
    const blocks = usedOf(slot);
    for (const block of blocks.keys()) {
      if (blocks.size <= most) return;
      drop(slot, block);
    }
  }

  function remember(slot: number, blocks: readonly number[]): void {
    const known = usedOf(slot);
    const recent = Math.floor(RECENT * Math.min(limits[slot] ?? Infinity, mostBlocks));
    let use = uses[slot] ?? 0;
    for (let i = blocks.length - 1; i >= 0; i--) {
      const block = blocks[i]!;
      const last = known.get(block);
      const isPromise = last === undefined || last < 0;
      if (last === undefined) add(slot, block);
      else {
        // What all prompts share is used all the time: it stays where it is while that is near.
        if (use - (isPromise ? promise(last) : last) <= recent) continue;
        known.delete(block);
      }
      known.set(block, isPromise ? promise(use) : use);
      use++;
    }
    uses[slot] = use;
    // Not to the server's limit yet: what may be refused pushes nothing out.
    keepToCap(slot);
  }

  return {
    match(blocks) {
      const alive = holders.get(blocks[0]!)?.slice();
      if (!alive) return () => 0;
      const matched = new Uint32Array(alive.length * SLOTS_PER_WORD);
      let some = 1;
      let depth = 1;
      for (; some !== 0 && depth < blocks.length; depth++) {
        const words = holders.get(blocks[depth]!);
        some = 0;
        for (let i = 0; i < alive.length; i++) {
          const left = alive[i]! & (words?.[i] ?? 0);
          settle(alive[i]! & ~left, i, depth);
          alive[i] = left;
          some |= left;
        }
      }
      for (let i = 0; i < alive.length; i++) settle(alive[i]!, i, depth);
      return (slot) => matched[slot] ?? 0;

      function settle(word: number, index: number, depth: number): void {
        for (let bits = word; bits !== 0; bits &= bits - 1) {
          matched[index * SLOTS_PER_WORD + 31 - Math.clz32(bits & -bits)] = depth;
        }
      }
    },
    remember,
    confirm(slot, blocks) {
      // Another one that came to nothing may have taken some of them along.
      const known = usedOf(slot);
      if (!blocks.every((block) => known.has(block))) remember(slot, blocks);
      for (const block of blocks) {
        const last = known.get(block);
        if (last !== undefined && last < 0) known.set(block, promise(last));
      }
      keepToLimit(slot);
    },
    withdraw(slot, blocks) {
      const known = usedOf(slot);
      for (const block of blocks) if (known.get(block)! < 0) drop(slot, block);
    },
    forget(slot) {
      for (const block of [...usedOf(slot).keys()]) drop(slot, block);
    },
    limit(slot, blocks) {
      limits[slot] = blocks;
      keepToLimit(slot);
    },
    size: (slot) => usedOf(slot).size,
  };
}
