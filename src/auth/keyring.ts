import type { ApiKey } from "../config/config.ts";
import { hashOf } from "../config/key_hash.ts";
import { createRateLimit, type RateLimit } from "./rate_limit.ts";

/** The holder of a key, for one request. */
export interface Caller {
  /** The key's name; the key itself is not kept. */
  readonly name: string;
  /** Whether the key allows a model; `undefined` stands for a request that names none. */
  mayUse(model: string | undefined): boolean;
  /** Releases the request's in-flight slot. Only the first call counts. */
  leave(): void;
}

/** The result of applying a key's limits to a request. */
export interface Entry {
  /** The caller, `undefined` if a limit is reached. */
  readonly caller: Caller | undefined;
  /** Headers that report the limits to the client. */
  readonly headers: readonly [string, string][];
}

/** The keys in effect and the usage of their limits. */
export interface Keyring {
  /** Finds a presented key, `undefined` if it is unknown. */
  find(shown: string): ApiKey | undefined;
  /** Applies a key's limits to one request and takes an in-flight slot. */
  enter(key: ApiKey): Entry;
}

interface Use {
  inFlight: number;
  readonly rate: RateLimit;
}

/**
 * Creates a keyring with unused limits.
 *
 * @param keys called for each lookup, so that a reload takes effect at once; usage is kept by key
 *   name
 * @param now returns monotonic time in milliseconds
 */
export function createKeyring(
  keys: () => readonly ApiKey[],
  now: () => number = () => performance.now(),
): Keyring {
  const uses = new Map<string, Use>();
  let indexed: readonly ApiKey[] | undefined;
  let byHash: ReadonlyMap<string, ApiKey> = new Map();

  /** Indexes the keys after a reload and drops the usage of removed keys without requests. */
  function index(current: readonly ApiKey[]): void {
    indexed = current;
    byHash = new Map(current.map((key) => [key.hash, key]));
    const names = new Set(current.map(({ name }) => name));
    for (const [name, { inFlight }] of uses) {
      if (inFlight === 0 && !names.has(name)) uses.delete(name);
    }
  }
  const useOf = (name: string): Use => {
    const use = uses.get(name) ?? { inFlight: 0, rate: createRateLimit() };
    uses.set(name, use);
    return use;
  };
  return {
    find(shown) {
      const current = keys();
      if (current !== indexed) index(current);
      // Not a timing leak: the time reveals at most the hash of the presented key, not a valid key.
      return byHash.get(hashOf(shown));
    },
    enter(key) {
      const use = useOf(key.name);
      const { requestsPerMinute, maxInFlight = Infinity, models } = key;
      if (use.inFlight >= maxInFlight) {
        return { caller: undefined, headers: inFlightFull(maxInFlight) };
      }
      const headers: [string, string][] = [];
      if (requestsPerMinute !== undefined) {
        const taken = use.rate.take(requestsPerMinute, now());
        headers.push(
          ["x-ratelimit-limit-requests", String(requestsPerMinute)],
          ["x-ratelimit-remaining-requests", String(taken.left)],
          ["x-ratelimit-reset-requests", `${(taken.resetMs / 1000).toFixed(3)}s`],
        );
        if (!taken.ok) {
          headers.push(["retry-after", String(Math.ceil(taken.waitMs / 1000))]);
          return { caller: undefined, headers };
        }
      }
      use.inFlight++;
      let left = false;
      return {
        headers,
        caller: {
          name: key.name,
          mayUse: (model) => !models || (model !== undefined && models.includes(model)),
          leave() {
            if (!left) use.inFlight--;
            left = true;
          },
        },
      };
    },
  };
}

function inFlightFull(maxInFlight: number): [string, string][] {
  return [
    ["x-ratelimit-limit-in-flight", String(maxInFlight)],
    ["x-ratelimit-remaining-in-flight", "0"],
    ["retry-after", "1"],
  ];
}
