import { createHash } from "node:crypto";

/** A hash in a configuration file: `sha256:` and 64 hexadecimal digits. */
const WRITTEN = /^sha256:([0-9a-f]{64})$/i;
const PREFIX = "sha256:";

/** Returns the SHA-256 of a key as 64 lower-case hexadecimal digits. */
export function hashOf(key: string): string {
  return createHash("sha256").update(key).digest("hex");
}

/** Returns a key's hash in the format of a configuration file. */
export function writtenHash(key: string): string {
  return PREFIX + hashOf(key);
}

/**
 * Returns the hash of an entry, which is either a key or a `sha256:` hash.
 *
 * @returns `undefined` if the entry starts with `sha256:` but isn't a valid hash
 */
export function hashIn(entry: string): string | undefined {
  const written = WRITTEN.exec(entry);
  if (written) return written[1]!.toLowerCase();
  return entry.startsWith(PREFIX) ? undefined : hashOf(entry);
}
