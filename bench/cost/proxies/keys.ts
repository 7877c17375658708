import { writtenHash } from "../../../src/config/key_hash.ts";

/** The key that the load sends: the last one, although all are compared in any case. */
const KEY = "bench-key-20";
const KEYS = 20;

/** The header that all requests carry. */
export const AUTHORIZED: Readonly<Record<string, string>> = { authorization: `Bearer ${KEY}` };

/**
 * Returns the table `[auth]` with 20 hashed keys.
 *
 * @param limits limits of each key, in TOML, such as `requests_per_minute = 60`
 */
export function authTable(limits: readonly string[] = []): string {
  const keys = Array.from({ length: KEYS }, (_, index) => {
    const key = `key = "${writtenHash(`bench-key-${index + 1}`)}"`;
    return `{ ${[`name = "key-${index}"`, key, ...limits].join(", ")} },`;
  });
  return `[auth]\napi_keys = [\n${keys.join("\n")}\n]\n`;
}
