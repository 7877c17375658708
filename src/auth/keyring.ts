import type { ApiKey } from "../config/config.ts";
import { hashOf } from "../config/key_hash.ts";
import { createRateLimit, type RateLimit } from "./rate_limit.ts";

/** Whoever holds a key, for one request. */
export interface Caller {
  /** The key's name; the key itself is nowhere. */
  readonly name: string;
  /** Whether the key is good for a model; `undefined` stands for a request that names none. */
  mayUse(model: string | undefined): boolean;
  /** Gives the place in flight back. Only the first call counts. */
  leave(): void;
}

/** A request that a key's limits let through, or don't. */
export interface Entry {
  /** `undefined` where a limit is reached. */
  readonly caller: Caller | undefined;
  /** What to tell the client of its limits, in headers. */
  readonly headers: readonly [string, string][];
}

/** The keys in effect and what is in use of their limits. */
export interface Keyring {
  /** The key that is shown, `undefined` where it is none of these. */
  find(shown: string): ApiKey | undefined;
  /** Takes a place for one request. */
  enter(key: ApiKey): Entry;
}

interface Use {
  inFlight: number;
  readonly rate: RateLimit;
}

/**
 * Keys with nothing in use of their limits.
 *
 * @param keys asked each time, so that a reload counts at once; limits go on by a key's name
 * @param now monotonic time in milliseconds
 */
export function createKeyring(
  keys: () => readonly ApiKey[],
  now: () => number = () => performance.now(),
): Keyring {
  const uses = new Map<string, Use>();
  let indexed: readonly ApiKey[] | undefined;
  let byHash: ReadonlyMap<string, ApiKey> = new Map();

  /** Takes the keys of a reload: what was in use of a key that is gone is forgotten. */
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
      // Safe to look up: the time tells at most of SHA-256 of what was shown, which leads to no key.
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
