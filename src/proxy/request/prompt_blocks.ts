import { BLOCK_BYTES } from "../../fleet/estimate/prompt_profile.ts";

/** A prompt that is being cut into blocks. */
export interface Cut {
  /** Hashes of its full blocks, each over the hash before it and the block's own text. */
  readonly blocks: number[];
  /** Over all text so far. */
  hash: number;
  /** Bytes since the last full block. */
  inBlock: number;
}

/** The weight of one inline item: about a thousand tokens. */
export const INLINE_BYTES = 4_096;

/** Only an inline item's last bytes, up to this many, and its length are hashed. */
const INLINE_HASHED = 1_024;
/** 8 MiB of blocks, more than any model's context: the rest is counted, not hashed. */
export const MOST_BLOCKS = 8 * 1024 * 1024 / BLOCK_BYTES;
/** Bytes hashed of a salt or a session's name. */
const NAME_HASHED = 1_024;

export function newCut(hash: number, inBlock = 0): Cut {
  return { blocks: [], hash, inBlock };
}

/** Adds text. */
export function cutText(cut: Cut, bytes: Uint8Array, start: number, stop: number): void {
  const { blocks } = cut;
  let { hash, inBlock } = cut;
  for (let at = start; at < stop && blocks.length < MOST_BLOCKS;) {
    const end = Math.min(stop, at + BLOCK_BYTES - inBlock);
    hash = hashOf(bytes, at, end, hash);
    inBlock += end - at;
    at = end;
    if (inBlock < BLOCK_BYTES) continue;
    blocks.push(hash);
    inBlock = 0;
  }
  cut.hash = hash;
  cut.inBlock = inBlock;
}

/** Returns where in a text that is to be added the last block begins that is open at `at`. */
export function blockStart({ inBlock }: Cut, start: number, at: number): number {
  const first = start + BLOCK_BYTES - inBlock;
  return at < first ? start : at - (at - first) % BLOCK_BYTES;
}

/** Adds an inline image or the like, which counts as whole blocks however large it is. */
export function cutInline(cut: Cut, bytes: Uint8Array, start: number, stop: number): void {
  if (cut.blocks.length >= MOST_BLOCKS) return;
  const from = Math.max(start, stop - INLINE_HASHED);
  cut.hash = hashOf(bytes, from, stop, cut.hash ^ (stop - start));
  for (let at = 0; at < INLINE_BYTES; at += BLOCK_BYTES) {
    cut.hash = Math.imul(cut.hash ^ at, PRIME);
    cut.blocks.push(cut.hash);
  }
}

// Hashes outlive the router in a state file: a change to them needs a higher `HASHING`.
export const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;

/**
 * 32-bit MurmurHash3 (A. Appleby) without its final mix, and FNV-1a for the last bytes: half the
 * time of FNV-1a alone. A collision only costs a wrong guess.
 */
function hashOf(bytes: Uint8Array, start: number, end: number, seed: number): number {
  let hash = seed;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    const mixed = Math.imul(word, 0xcc9e2d51);
    hash ^= Math.imul(mixed << 15 | mixed >>> 17, 0x1b873593);
    hash = Math.imul(hash << 13 | hash >>> 19, 5) + 0xe6546b64 | 0;
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, PRIME);
  // Stays a signed integer: numbers of 2^31 and above are slower as keys of a map.
  return hash;
}

/** Hashes the beginning of a name in a body. */
export function hashOfName(bytes: Uint8Array, start: number, end: number, seed: number): number {
  return hashOf(bytes, start, Math.min(end, start + NAME_HASHED), seed);
}

export function hashOfText(text: string, seed: number): number {
  let hash = seed;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), PRIME);
  return hash;
}
