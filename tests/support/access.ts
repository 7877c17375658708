import type { Access, ApiKey } from "../../src/config/config.ts";
import { hashOf } from "../../src/config/key_hash.ts";

/** A key as a configuration means it. */
export function keyOf(key: string, more: Partial<ApiKey> = {}): ApiKey {
  return { name: key, hash: hashOf(key), ...more };
}

/** Who may use a router: anybody, or those who hold one of the keys that are given. */
export function accessWith(access: Partial<Access> = {}): Access {
  return {
    keys: [],
    keysAreOn: access.keys !== undefined,
    adminHosts: [],
    corsOrigins: ["*"],
    ...access,
  };
}
