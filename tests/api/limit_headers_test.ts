import assert from "node:assert/strict";
import { quotaHeaders } from "../../src/api/limit_headers.ts";

Deno.test("a reset is written as OpenAI does", () => {
  const reset = (resetMs: number) =>
    Object.fromEntries(quotaHeaders("/v1/completions", "tokens", { limit: 1, left: 0, resetMs }))[
      "x-ratelimit-reset-tokens"
    ];
  assert.deepEqual([0, 1, 1_150, 59_999, 60_000, 360_000, 86_400_000].map(reset), [
    "0s",
    "0.1s",
    "1.2s",
    "60s",
    "1m0s",
    "6m0s",
    "24h0m0s",
  ]);
});

Deno.test("a path of Anthropic's API gets Anthropic's names", () => {
  const names = (path: string) =>
    quotaHeaders(path, "requests", { limit: 3, left: 2, resetMs: 1 }).map(([name]) => name);
  assert.deepEqual(names("/v1/messages?beta=true"), [
    "anthropic-ratelimit-requests-limit",
    "anthropic-ratelimit-requests-remaining",
    "anthropic-ratelimit-requests-reset",
  ]);
  assert.deepEqual(names("/v1/responses"), [
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
  ]);
});
