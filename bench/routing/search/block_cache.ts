/** The contents of a {@linkcode BlockCache} at one moment. */
export interface BlockCacheState {
  readonly references: Int32Array;
  readonly contents: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;
  readonly freeBlocks: number;
}

/** Marks a block without contents, and contents without a block. */
const NONE = -1;

/**
 * The simulator's KV cache over whole numbers instead of hashes, in arrays that are quick to copy.
 * Unused blocks form a ring, least recently used first, that begins and ends at the entry after the
 * last block.
 */
export class BlockCache {
  freeBlocks: number;
  readonly #total: number;
  readonly #references: Int32Array;
  /** What each block holds. */
  readonly #contents: Int32Array;
  readonly #blockOf: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  /** `kinds` is the number of different contents; each is a number below it. */
  constructor(totalBlocks: number, kinds: number) {
    this.#total = totalBlocks;
    this.freeBlocks = totalBlocks;
    this.#references = new Int32Array(totalBlocks);
    this.#contents = new Int32Array(totalBlocks).fill(NONE);
    this.#blockOf = new Int32Array(kinds).fill(NONE);
    const entries = totalBlocks + 1;
    this.#next = Int32Array.from({ length: entries }, (_, index) => (index + 1) % entries);
    this.#previous = Int32Array.from({ length: entries }, (_, index) => (index || entries) - 1);
  }

  has(contents: number): boolean {
    return this.#blockOf[contents] !== NONE;
  }

  /** Returns the number of the first contents that are cached, at most `most`. */
  prefixLength(contents: Int32Array, most: number): number {
    let length = 0;
    while (length < most && this.#blockOf[contents[length]!]! !== NONE) length++;
    return length;
  }

  /** Counts the unused blocks among those that hold the first `length` contents. */
  countUnused(contents: Int32Array, length: number): number {
    let count = 0;
    for (let index = 0; index < length; index++) {
      if (this.#references[this.#blockOf[contents[index]!]!] === 0) count++;
    }
    return count;
  }

  /** Takes a reference to the blocks that hold the first `length` contents. */
  share(contents: Int32Array, length: number): number[] {
    const blocks: number[] = [];
    for (let index = 0; index < length; index++) {
      const block = this.#blockOf[contents[index]!]!;
      if (this.#references[block]!++ === 0) this.#unlink(block);
      blocks.push(block);
    }
    return blocks;
  }

  /** Takes the least recently used block. The caller has checked `freeBlocks`. */
  take(): number {
    const block = this.#next[this.#total]!;
    this.#unlink(block);
    const contents = this.#contents[block]!;
    if (contents !== NONE) this.#blockOf[contents] = NONE;
    this.#contents[block] = NONE;
    this.#references[block] = 1;
    return block;
  }

  /** Notes what a block holds, unless another block already holds the same. */
  remember(block: number, contents: number): void {
    if (this.#blockOf[contents] !== NONE) return;
    this.#blockOf[contents] = block;
    this.#contents[block] = contents;
  }

  /** Releases references, the last block first. */
  release(blocks: readonly number[]): void {
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index]!;
      if (--this.#references[block]! > 0) continue;
      const last = this.#previous[this.#total]!;
      this.#link(last, block);
      this.#link(block, this.#total);
      this.freeBlocks++;
    }
  }

  save(): BlockCacheState {
    return {
      references: this.#references.slice(),
      contents: this.#contents.slice(),
      next: this.#next.slice(),
      previous: this.#previous.slice(),
      freeBlocks: this.freeBlocks,
    };
  }

  restore(state: BlockCacheState): void {
    for (const contents of this.#contents) {
      if (contents !== NONE) this.#blockOf[contents] = NONE;
    }
    for (let block = 0; block < this.#total; block++) {
      const contents = state.contents[block]!;
      if (contents !== NONE) this.#blockOf[contents] = block;
    }
    this.#references.set(state.references);
    this.#contents.set(state.contents);
    this.#next.set(state.next);
    this.#previous.set(state.previous);
    this.freeBlocks = state.freeBlocks;
  }

  #unlink(block: number): void {
    this.#link(this.#previous[block]!, this.#next[block]!);
    this.freeBlocks--;
  }

  #link(first: number, second: number): void {
    this.#next[first] = second;
    this.#previous[second] = first;
  }
}
