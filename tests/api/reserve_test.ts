import assert from "node:assert/strict";
import { requestTokens } from "../../src/api/reserve.ts";
import { createKeyLimits } from "../../src/auth/key_limits.ts";
import { keyOf } from "../support/access.ts";

Deno.test("a burst beyond a router's share of a limit is told that other routers may be using the rest", () => {
  const key = keyOf("k", { tokensPerMinute: 1_000 });
  const { budgets, shared } = createKeyLimits(() => ({ keys: [key] }), () => 1_000);
  shared.share(true);
  shared.join("other").hear([], 1_000);
  const reserve = (promptTokens: number) =>
    requestTokens(budgets, key, "/v1/completions", [])
      .reserve!("m", { promptTokens, completionTokens: 0 });
  assert.equal(reserve(400), "reserved");
  assert.deepEqual(reserve(200), {
    limit: "tokens_per_minute",
    status: 429,
    message:
      "The request needs about 200 tokens, but tokens_per_minute = 1000 of the key `k` has " +
      "600 left, some of which other routers may be using: it fits in 1 s.",
    retryAfterSeconds: 1,
  });
  assert.equal(reserve(100), "reserved");
});
