import { createHash } from "node:crypto";

/** How a hash stands in a configuration: `sha256:` and 64 hexadecimal digits. */
const WRITTEN = /^sha256:([0-9a-f]{64})$/i;
const PREFIX = "sha256:";

/** SHA-256 of a key; 32 bytes. */
export function hashOf(key: string): Uint8Array {
  // By way of the text, which the runtime makes in half the time of the bytes.
  return Uint8Array.fromHex(createHash("sha256").update(key).digest("hex"));
}

/** A key's hash as a configuration holds it. */
export function writtenHash(key: string): string {
  return PREFIX + createHash("sha256").update(key).digest("hex");
}

/**
 * The hash that an entry means: a hash that is written there, else that of the key that is.
 *
 * @returns `undefined` for what begins like a hash and is none
 */
export function hashIn(entry: string): Uint8Array | undefined {
  const written = WRITTEN.exec(entry);
  if (written) return Uint8Array.fromHex(written[1]!);
  return entry.startsWith(PREFIX) ? undefined : hashOf(entry);
}

/** Whether two hashes are equal, in a time that does not depend on where they differ. */
export function equalHashes(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let i = 0; i < one.length; i++) difference |= one[i]! ^ (other[i] ?? 0);
  return difference === 0;
}
