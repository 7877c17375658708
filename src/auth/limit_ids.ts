import type { Access, TokenLimits } from "../config/config.ts";
import { hashOf } from "../config/key_hash.ts";

/** What a limit counts. */
export type LimitName =
  | "requests_per_minute"
  | "tokens_per_minute"
  | "tokens_per_day"
  | "max_in_flight";

const MINUTE_MS = 60_000;
/** How long spent amounts count. Requests in flight count until they end. */
export const WINDOW_MS = {
  requests_per_minute: MINUTE_MS,
  tokens_per_minute: MINUTE_MS,
  tokens_per_day: 24 * 60 * MINUTE_MS,
  max_in_flight: undefined,
} as const;

/**
 * Identifies what a limit counts.
 *
 * @param key the key's name, `undefined` for all clients together
 * @param model `undefined` for all models together
 */
export function limitId(
  key: string | undefined,
  model: string | undefined,
  name: LimitName,
): string {
  return JSON.stringify([key ?? null, model ?? null, name]);
}

/** Returns the number of 52 bits by which routers refer to a limit. */
export function limitHash(id: string): number {
  return parseInt(hashOf(id).slice(0, 13), 16);
}

/** Returns the limits of a configuration, by their numbers. */
export function limitsIn(
  { keys, modelLimits }: Pick<Access, "keys" | "modelLimits">,
): ReadonlyMap<number, LimitName> {
  const found = new Map<number, LimitName>();
  const add = (limit: number | undefined, name: LimitName, key?: string, model?: string) => {
    if (limit !== undefined) found.set(limitHash(limitId(key, model, name)), name);
  };
  const addTokens = (limits: TokenLimits, key?: string, model?: string) => {
    add(limits.tokensPerMinute, "tokens_per_minute", key, model);
    add(limits.tokensPerDay, "tokens_per_day", key, model);
  };
  for (const key of keys) {
    add(key.requestsPerMinute, "requests_per_minute", key.name);
    add(key.maxInFlight, "max_in_flight", key.name);
    addTokens(key, key.name);
    for (const [model, limits] of key.modelLimits ?? []) addTokens(limits, key.name, model);
  }
  for (const [model, limits] of modelLimits ?? []) addTokens(limits, undefined, model);
  return found;
}
