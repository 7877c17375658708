import type { Access, ApiKey, ModelLimits, TokenLimits } from "../config/config.ts";
import { limitId, WINDOW_MS } from "./limit_ids.ts";
import type { Quota } from "./quota.ts";
import type { SharedLimits } from "./shared_limits.ts";
import { createTokenWindow, type TokenWindow } from "./token_window.ts";

/** A limit of tokens that applies to a request. */
export interface AppliedLimit {
  readonly name: "tokens_per_minute" | "tokens_per_day";
  readonly tokens: number;
  /** The key's name, `undefined` for a limit of all clients together. */
  readonly key: string | undefined;
  /** The model, `undefined` for a limit of all models together. */
  readonly model: string | undefined;
}

/** Tokens that don't fit a limit. */
export interface DoesNotFit {
  readonly limit: AppliedLimit;
  /** Tokens left of the limit. */
  readonly left: number;
  /** Time until they fit, in milliseconds; `Infinity` if they exceed the limit itself. */
  readonly waitMs: number;
}

/** The result of reserving tokens. */
export interface Reserved {
  /** The limit that has the fewest tokens left. */
  readonly quota: Quota;
  /** Why nothing was reserved. */
  readonly denied: DoesNotFit | undefined;
  /** Counts the tokens that were used instead of those that were reserved. Only the first call counts. */
  settle(used: number): void;
}

/** The tokens that keys have used of their limits. */
export interface TokenBudgets {
  /** Whether any limit may apply to requests with this key, and whether one depends on the model. */
  limitsOf(key: ApiKey | undefined): "none" | "of_key" | "by_model";
  /**
   * Reserves tokens under all limits that apply to a request, or under none.
   *
   * @returns `undefined` if no limit applies
   */
  reserve(
    key: ApiKey | undefined,
    model: string | undefined,
    tokens: number,
  ): Reserved | undefined;
  /** Returns how much a key has used of the limit it has used most, as a share; `undefined` without one. */
  shareOf(key: ApiKey): number | undefined;
}

interface Budget extends AppliedLimit {
  readonly window: TokenWindow;
}

/**
 * Creates the budgets, unused.
 *
 * @param access called for each request, so that a reload takes effect at once; what was used is
 *   kept by the names of keys and models
 * @param now returns monotonic time in milliseconds
 * @param shared the limits that all routers share
 */
export function createTokenBudgets(
  access: () => Pick<Access, "keys" | "modelLimits">,
  now: () => number = () => performance.now(),
  shared?: SharedLimits,
): TokenBudgets {
  const windows = new Map<string, TokenWindow>();
  let indexed: ReturnType<typeof access> | undefined;

  /** Forgets what removed keys have used. */
  function prune(current: ReturnType<typeof access>): void {
    indexed = current;
    const names = new Set<string | null>([null, ...current.keys.map(({ name }) => name)]);
    for (const id of windows.keys()) {
      const [key] = JSON.parse(id) as [string | null];
      if (!names.has(key)) windows.delete(id);
    }
  }
  function budgetsIn(limits: TokenLimits | undefined, key?: string, model?: string): Budget[] {
    const tokensOf = {
      tokens_per_minute: limits?.tokensPerMinute,
      tokens_per_day: limits?.tokensPerDay,
    };
    return (["tokens_per_minute", "tokens_per_day"] as const).flatMap((name) => {
      const tokens = tokensOf[name];
      if (tokens === undefined) return [];
      const id = limitId(key, model, name);
      let window = windows.get(id);
      if (!window) windows.set(id, window = createTokenWindow(WINDOW_MS[name], shared?.over(id)));
      return [{ name, tokens, key, model, window }];
    });
  }
  const ofModel = (limits: ModelLimits | undefined, model: string, key?: string) =>
    budgetsIn(limits?.get(model), key, model);

  return {
    limitsOf(key) {
      if (key?.modelLimits || access().modelLimits) return "by_model";
      return key?.tokensPerMinute ?? key?.tokensPerDay ? "of_key" : "none";
    },
    reserve(key, model, tokens) {
      const current = access();
      if (current !== indexed) prune(current);
      const budgets = [
        ...budgetsIn(key, key?.name),
        ...(model === undefined ? [] : [
          ...ofModel(key?.modelLimits, model, key?.name),
          ...ofModel(current.modelLimits, model),
        ]),
      ];
      if (budgets.length === 0) return undefined;
      const at = now();
      const denied = whyNot(budgets, tokens, at);
      const taken = denied ? [] : budgets.map(({ window }) => ({
        window,
        slice: window.add(tokens, at),
      }));
      let reserved = tokens;
      return {
        quota: quotaOf(budgets, at),
        denied,
        settle(used) {
          for (const { window, slice } of taken) window.correct(slice, used - reserved, now());
          reserved = used;
          taken.length = 0;
        },
      };
    },
    shareOf(key) {
      const at = now();
      const budgets = [
        ...budgetsIn(key, key.name),
        ...[...key.modelLimits ?? []].flatMap(([model, limits]) =>
          budgetsIn(limits, key.name, model)
        ),
      ];
      if (budgets.length === 0) return undefined;
      return Math.max(...budgets.map(({ window, tokens }) => window.used(at) / tokens));
    },
  };
}

/** Returns the limit for which tokens have to wait longest. */
function whyNot(budgets: readonly Budget[], tokens: number, now: number): DoesNotFit | undefined {
  let longest: DoesNotFit | undefined;
  for (const limit of budgets) {
    const waitMs = limit.window.waitMs(limit.tokens, tokens, now);
    if (waitMs <= (longest?.waitMs ?? 0)) continue;
    longest = { limit, left: Math.max(0, limit.tokens - limit.window.used(now)), waitMs };
  }
  return longest;
}

function quotaOf(budgets: readonly Budget[], now: number): Quota {
  const quotas = budgets.map(({ window, tokens }) => ({
    limit: tokens,
    left: Math.max(0, tokens - window.used(now)),
    resetMs: window.resetMs(now),
  }));
  return quotas.reduce((least, quota) => quota.left < least.left ? quota : least);
}
