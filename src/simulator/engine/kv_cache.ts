/** Default number of tokens of a block. */
export const BLOCK_SIZE = 16;

/**
 * The blocks of a KV cache. A block is in use while a sequence references it. A full block stays
 * cached under its hash after its last reference is released and serves later prompts with the same
 * prefix. The least recently used unreferenced block is evicted when space is needed.
 */
export class KvCache {
  readonly totalBlocks: number;
  /** Tokens of a block. */
  readonly blockSize: number;
  readonly #references: Int32Array;
  readonly #hashOfBlock: (number | undefined)[];
  readonly #blockOfHash = new Map<number, number>();
  /** Unused blocks, least recently used first. */
  readonly #unused = new Set<number>();

  constructor(totalBlocks: number, blockSize = BLOCK_SIZE) {
    this.totalBlocks = totalBlocks;
    this.blockSize = blockSize;
    this.#references = new Int32Array(totalBlocks);
    this.#hashOfBlock = new Array(totalBlocks);
    for (let block = 0; block < totalBlocks; block++) this.#unused.add(block);
  }

  get usedBlocks(): number {
    return this.totalBlocks - this.#unused.size;
  }

  get freeBlocks(): number {
    return this.#unused.size;
  }

  /** Returns whether a block with this hash is cached. */
  has(hash: number): boolean {
    return this.#blockOfHash.has(hash);
  }

  /** Returns the cached blocks of the longest prefix, at most `most`. Takes no reference. */
  findPrefix(hashes: readonly number[], most: number): number[] {
    const blocks: number[] = [];
    for (let index = 0; index < most; index++) {
      const block = this.#blockOfHash.get(hashes[index]!);
      if (block === undefined) break;
      blocks.push(block);
    }
    return blocks;
  }

  /** Counts the blocks that are unused now: taking them lowers `freeBlocks`. */
  countUnused(blocks: readonly number[]): number {
    return blocks.reduce((count, block) => count + (this.#unused.has(block) ? 1 : 0), 0);
  }

  /** Takes a reference to cached blocks. */
  share(blocks: readonly number[]): void {
    for (const block of blocks) {
      if (this.#references[block]!++ === 0) this.#unused.delete(block);
    }
  }

  /** Takes unused blocks and evicts their contents. The caller has checked `freeBlocks`. */
  take(count: number): number[] {
    const blocks: number[] = [];
    for (const block of this.#unused) {
      if (blocks.length === count) break;
      blocks.push(block);
    }
    for (const block of blocks) {
      this.#unused.delete(block);
      this.#forget(block);
      this.#references[block] = 1;
    }
    return blocks;
  }

  /** Caches a full block under its hash, unless another block already holds the same tokens. */
  remember(block: number, hash: number): void {
    if (this.#blockOfHash.has(hash)) return;
    this.#blockOfHash.set(hash, block);
    this.#hashOfBlock[block] = hash;
  }

  /** Releases references. The end of a prefix is freed before its beginning, as in vLLM. */
  release(blocks: readonly number[]): void {
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index]!;
      if (--this.#references[block]! === 0) this.#unused.add(block);
    }
  }

  /** Drops the contents of all unused blocks. */
  clear(): void {
    for (const block of this.#unused) this.#forget(block);
  }

  #forget(block: number): void {
    const hash = this.#hashOfBlock[block];
    if (hash === undefined) return;
    this.#blockOfHash.delete(hash);
    this.#hashOfBlock[block] = undefined;
  }
}
