import assert from "node:assert/strict";
import { type Account, openAccount } from "../../src/proxy/account.ts";

Deno.test("an account is handed on when it closes, with what became of the request", async () => {
  const closed: Readonly<Account>[] = [];
  const { account, close } = openAccount(
    "id-1",
    "/v1/completions",
    (account) => void closed.push(account),
  );
  Object.assign(account, { model: "m", stream: true, server: "http://a" });
  account.attempts = 2;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(closed.length, 0);
  close("truncated", 200, 1_234);

  assert.equal(closed.length, 1);
  const { durationMs, ...rest } = closed[0]!;
  assert.ok(durationMs >= 19 && durationMs < 1_000, `${durationMs} ms`);
  assert.deepEqual(rest, {
    id: "id-1",
    path: "/v1/completions",
    model: "m",
    stream: true,
    server: "http://a",
    attempts: 2,
    status: 200,
    bytes: 1_234,
    outcome: "truncated",
  });
});
