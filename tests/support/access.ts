import type { Access, ApiKey } from "../../src/config/config.ts";
import { hashOf } from "../../src/config/key_hash.ts";

/** Returns a key as the configuration produces it. */
export function keyOf(key: string, more: Partial<ApiKey> = {}): ApiKey {
  return { name: key, hash: hashOf(key), ...more };
}

/** Returns access rules: open to anyone, or only to holders of the given keys. */
export function accessWith(access: Partial<Access> = {}): Access {
  return {
    keys: [],
    keysAreOn: access.keys !== undefined,
    adminHosts: [],
    corsOrigins: ["*"],
    http1: "own",
    ...access,
  };
}
