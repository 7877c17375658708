import type { ApiKey } from "../config/config.ts";
import { usedTokens } from "../proxy/quota/used_tokens.ts";
import type { Listener } from "./listener.ts";
import { createMinute, type Minute } from "./minute.ts";
import { type KeyView, SHOWN_KEYS } from "./view_tables.ts";

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
  readonly ended: Minute;
  readonly tokens: Minute;
}

/** @param now monotonic time in milliseconds */
export function createKeyStatistics(keys: KeySource, now: () => number): KeyStatistics {
  const uses = new Map<string, Use>();

  function useOf(name: string): Use {
    let use = uses.get(name);
    if (!use) {
      use = { requests: 0, ended: createMinute(now), tokens: createMinute(now) };
      uses.set(name, use);
    }
    return use;
  }
  return {
    listener: {
      closed(record) {
        if (record.key === undefined) return;
        const use = useOf(record.key);
        use.requests++;
        use.ended.add(1);
        const used = usedTokens(record);
        if (used) use.tokens.add(used.promptTokens + used.completionTokens);
      },
      reloaded({ access }) {
        const names = new Set(access.keys.map(({ name }) => name));
        for (const name of uses.keys()) if (!names.has(name)) uses.delete(name);
      },
    },
    views() {
      const views = keys.list().map((key) => {
        const use = uses.get(key.name);
        return { key, use, requests: use?.requests ?? 0, tokens: use?.tokens.total() ?? 0 };
      });
      views.sort((a, b) => b.tokens - a.tokens || b.requests - a.requests);
      return views.slice(0, SHOWN_KEYS).map(({ key, use, requests, tokens }) => ({
        name: key.name,
        requests,
        requestsPerSecond: use?.ended.perSecond() ?? 0,
        tokensLastMinute: tokens,
        limitShare: keys.shareOf(key) ?? null,
      }));
    },
  };
}
