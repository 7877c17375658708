import type { Quota } from "../auth/quota.ts";
import type { KeyLimit } from "../auth/keyring.ts";
import { isAnthropic } from "../http/error_answer.ts";

type Headers = readonly [string, string][];
type Unit = "requests" | "tokens";

/** Returns the headers that tell a client what is left of its key's limit, as its API names them. */
export function quotaHeaders(target: string, unit: Unit, quota: Quota): Headers {
  return isAnthropic(target) ? anthropic(unit, quota) : openAi(unit, quota);
}

/** Returns the headers for a key that has as many requests in flight as it may. */
export function inFlightHeaders({ limit }: KeyLimit): Headers {
  return [
    ["x-ratelimit-limit-in-flight", String(limit)],
    ["x-ratelimit-remaining-in-flight", "0"],
  ];
}

function openAi(unit: Unit, { limit, left, resetMs }: Quota): Headers {
  return [
    [`x-ratelimit-limit-${unit}`, String(limit)],
    [`x-ratelimit-remaining-${unit}`, String(left)],
    [`x-ratelimit-reset-${unit}`, durationOf(resetMs)],
  ];
}

function anthropic(unit: Unit, { limit, left, resetMs }: Quota): Headers {
  const resetAt = new Date(Date.now() + resetMs).toISOString();
  return [
    [`anthropic-ratelimit-${unit}-limit`, String(limit)],
    [`anthropic-ratelimit-${unit}-remaining`, String(left)],
    [`anthropic-ratelimit-${unit}-reset`, resetAt],
  ];
}

/** Writes a duration as OpenAI does: `1.2s`, `6m0s`, `23h59m0s`. */
function durationOf(ms: number): string {
  if (ms < 60_000) return `${Math.ceil(ms / 100) / 10}s`;
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return `${hours > 0 ? `${hours}h` : ""}${minutes}m${seconds % 60}s`;
}
