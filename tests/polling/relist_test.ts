import assert from "node:assert/strict";
import { createRelist } from "../../src/polling/relist.ts";

Deno.test("servers list their models at most once a second, and later calls join a round", async () => {
  let now = 0;
  let rounds = 0;
  const relist = createRelist(() => Promise.resolve(rounds++), () => now);
  await Promise.all([relist(), relist(), relist()]);
  now = 999;
  await relist();
  assert.equal(rounds, 1);
  now = 1_000;
  await relist();
  assert.equal(rounds, 2);
});

Deno.test("a round that hangs holds nobody up for long", async () => {
  const relist = createRelist(() => new Promise(() => {}), () => 0);
  await relist();
});
