/** Tokens in a block of the KV cache. */
export const BLOCK_SIZE = 16;

/**
 * The blocks of a KV cache. A block is used while a sequence refers to it. A full block keeps its
 * contents under its hash after its last user has left, and serves a later prompt with the same
 * prefix until it is the longest unused one and its room is needed.
 */
export class KvCache {
  readonly totalBlocks: number;
  readonly #references: Int32Array;
  readonly #hashOfBlock: (number | undefined)[];
  readonly #blockOfHash = new Map<number, number>();
  /** Unused blocks, the longest unused first. */
  readonly #unused = new Set<number>();

  constructor(totalBlocks: number) {
    this.totalBlocks = totalBlocks;
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

  /** Whether some block holds the contents with this hash. */
  has(hash: number): boolean {
    return this.#blockOfHash.has(hash);
  }

  /** The cached blocks of the longest prefix of `hashes`; takes no reference. */
  findPrefix(hashes: readonly number[], most: number): number[] {
    const blocks: number[] = [];
    for (let index = 0; index < most; index++) {
      const block = this.#blockOfHash.get(hashes[index]!);
      if (block === undefined) break;
      blocks.push(block);
    }
    return blocks;
  }

  /** How many of these blocks nobody uses now, so that using them lowers `freeBlocks`. */
  countUnused(blocks: readonly number[]): number {
    return blocks.reduce((count, block) => count + (this.#unused.has(block) ? 1 : 0), 0);
  }

  /** Takes a reference to cached blocks. */
  share(blocks: readonly number[]): void {
    for (const block of blocks) {
      if (this.#references[block]!++ === 0) this.#unused.delete(block);
    }
  }

  /** Takes empty blocks, evicting what they hold; the caller has looked at `freeBlocks`. */
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

  /** Names a full block by its hash, unless another block already holds the same tokens. */
  remember(block: number, hash: number): void {
    if (this.#blockOfHash.has(hash)) return;
    this.#blockOfHash.set(hash, block);
    this.#hashOfBlock[block] = hash;
  }

  /** Gives references back. The end of a prefix becomes free before its beginning, as in vLLM. */
  release(blocks: readonly number[]): void {
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index]!;
      if (--this.#references[block]! === 0) this.#unused.add(block);
    }
  }

  /** Empties the cache of what is not in use. */
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
