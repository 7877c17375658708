import type { ApiKey } from "../config/config.ts";
import { hashOf } from "../config/key_hash.ts";
import { createInFlight, type InFlight } from "./in_flight.ts";
import { limitId, type LimitName } from "./limit_ids.ts";
import type { Quota } from "./quota.ts";
import { createRateLimit, type RateLimit } from "./rate_limit.ts";
import type { SharedLimits } from "./shared_limits.ts";
import { alone, type Spent } from "./spent.ts";

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
  /** What is left of the key's requests a minute, if they are limited. */
  readonly requests?: Quota;
  /** The limit that is reached, if one is. */
  readonly reached?: KeyLimit;
}

/** A limit of a key that a request has reached. */
export interface KeyLimit {
  /** As in the configuration. */
  readonly name: "requests_per_minute" | "max_in_flight";
  /** Its value. */
  readonly limit: number;
  /** Time until a request may fit, in milliseconds. */
  readonly waitMs: number;
}

/** The keys in effect and the usage of their limits. */
export interface Keyring {
  /** Finds a presented key, `undefined` if it is unknown. */
  find(shown: string): ApiKey | undefined;
  /** Applies a key's limits to one request and takes an in-flight slot. */
  enter(key: ApiKey): Entry;
}

interface Use {
  readonly inFlight: InFlight;
  /** Requests in flight over all routers. */
  readonly slots: Spent;
  readonly rate: RateLimit;
}

/**
 * Creates a keyring with unused limits.
 *
 * @param keys called for each lookup, so that a reload takes effect at once; usage is kept by key
 *   name
 * @param now returns monotonic time in milliseconds
 * @param shared the limits that all routers share
 */
export function createKeyring(
  keys: () => readonly ApiKey[],
  now: () => number = () => performance.now(),
  shared?: SharedLimits,
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
      if (inFlight.used(0) === 0 && !names.has(name)) uses.delete(name);
    }
  }
  const useOf = (name: string): Use => {
    const known = uses.get(name);
    if (known) return known;
    const over = (limit: LimitName) => shared?.over(limitId(name, undefined, limit)) ?? alone;
    const inFlight = createInFlight();
    const use: Use = {
      inFlight,
      slots: over("max_in_flight")(inFlight),
      rate: createRateLimit(over("requests_per_minute")),
    };
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
      const { requestsPerMinute, maxInFlight, models } = key;
      if (maxInFlight !== undefined) {
        const waitMs = use.slots.waitMs(maxInFlight, 1, now());
        const reached = { name: "max_in_flight", limit: maxInFlight, waitMs } as const;
        if (waitMs > 0) return { caller: undefined, reached };
      }
      let requests: Quota | undefined;
      if (requestsPerMinute !== undefined) {
        const { ok, left, waitMs, resetMs } = use.rate.take(requestsPerMinute, now());
        requests = { limit: requestsPerMinute, left, resetMs };
        if (!ok) {
          const reached = {
            name: "requests_per_minute",
            limit: requestsPerMinute,
            waitMs,
          } as const;
          return { caller: undefined, requests, reached };
        }
      }
      use.inFlight.begin();
      let left = false;
      return {
        ...(requests && { requests }),
        caller: {
          name: key.name,
          mayUse: (model) => !models || (model !== undefined && models.includes(model)),
          leave() {
            if (!left) use.inFlight.end();
            left = true;
          },
        },
      };
    },
  };
}
