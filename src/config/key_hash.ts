import { createHash } from "node:crypto";

/** How a hash stands in a configuration: `sha256:` and 64 hexadecimal digits. */
const WRITTEN = /^sha256:([0-9a-f]{64})$/i;
const PREFIX = "sha256:";

/** SHA-256 of a key, in 64 hexadecimal digits of lower case. */
export function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** A key's hash as a configuration holds it. */
export function writtenHash(key: string): string {
  return PREFIX + hashOf(key);
}

/**
 * The hash that an entry means: a hash that is written there, else that of the key that is.
 *
 * @returns `undefined` for what begins like a hash and is none
 */
export function hashIn(entry: string): string | undefined {
  const written = WRITTEN.exec(entry);
  if (written) return written[1]!.toLowerCase();
  return entry.startsWith(PREFIX) ? undefined : hashOf(entry);
}
