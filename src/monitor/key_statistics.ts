import type { ApiKey } from "../config/config.ts";
import { usedTokens } from "../proxy/quota/used_tokens.ts";
import type { Listener } from "./listener.ts";
import { type KeyView, SHOWN_KEYS } from "./view.ts";

/** The keys in effect, and what they have used of their limits. */
export interface KeySource {
  /** Returns the keys. */
  readonly list: () => readonly ApiKey[];
  /** Returns how much a key has used of its limits of tokens, 0 to 1; `undefined` without limits. */
  readonly shareOf: (key: ApiKey) => number | undefined;
}

/** Counts requests and tokens by key. */
export interface KeyStatistics {
  readonly listener: Partial<Listener>;
  /** Returns the keys that used most tokens within the last minute. */
  views(): KeyView[];
}

interface Use {
  requests: number;
  /** Tokens by slice of the last minute, by the slice's number modulo {@linkcode SLICES}. */
  readonly tokens: number[];
  slice: number;
}

const SLICES = 12;
const SLICE_MS = 60_000 / SLICES;

/** @param now monotonic time in milliseconds */
export function createKeyStatistics(keys: KeySource, now: () => number): KeyStatistics {
  const uses = new Map<string, Use>();

  /** Forgets what is older than a minute. */
  function advance(use: Use): Use {
    const slice = Math.floor(now() / SLICE_MS);
    for (let i = Math.max(use.slice, slice - SLICES) + 1; i <= slice; i++) {
      use.tokens[i % SLICES] = 0;
    }
    use.slice = slice;
    return use;
  }
  function useOf(name: string): Use {
    let use = uses.get(name);
    if (!use) uses.set(name, use = { requests: 0, tokens: Array(SLICES).fill(0), slice: 0 });
    return advance(use);
  }
  return {
    listener: {
      closed(record) {
        if (record.key === undefined) return;
        const use = useOf(record.key);
        use.requests++;
        const used = usedTokens(record);
        if (used) use.tokens[use.slice % SLICES]! += used.promptTokens + used.completionTokens;
      },
      reloaded({ access }) {
        const names = new Set(access.keys.map(({ name }) => name));
        for (const name of uses.keys()) if (!names.has(name)) uses.delete(name);
      },
    },
    views() {
      const views = keys.list().map((key) => {
        const use = uses.get(key.name);
        const tokens = use ? advance(use).tokens.reduce((sum, count) => sum + count, 0) : 0;
        return { key, requests: use?.requests ?? 0, tokens };
      });
      views.sort((a, b) => b.tokens - a.tokens || b.requests - a.requests);
      return views.slice(0, SHOWN_KEYS).map(({ key, requests, tokens }) => ({
        name: key.name,
        requests,
        tokensLastMinute: tokens,
        limitShare: keys.shareOf(key) ?? null,
      }));
    },
  };
}
