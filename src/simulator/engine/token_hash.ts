/**
 * Hashes tokens into a 53-bit number. `parent` is the hash of the preceding tokens, so a hash
 * identifies a whole prefix, as vLLM's block hashes do.
 */
export function hashTokens(parent: number, tokens: ArrayLike<number>): number {
  let low = (parent >>> 0) ^ 0x9e3779b9;
  let high = Math.floor(parent / 2 ** 32) ^ 0x85ebca6b;
  for (let index = 0; index < tokens.length; index++) {
    const token = tokens[index]!;
    low = Math.imul(low ^ token, 2654435761);
    low ^= low >>> 15;
    high = Math.imul(high ^ token, 1597334677);
    high ^= high >>> 13;
  }
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^
    Math.imul(high ^ (high >>> 13), 3266489909);
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^
    Math.imul(low ^ (low >>> 13), 3266489909);
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}
