import assert from "node:assert/strict";
import type { Server } from "../../src/fleet/state/server.ts";
import { createMissingPaths } from "../../src/proxy/missing_paths.ts";

Deno.test("a server that lacks a path is remembered for that path, for a while", () => {
  let now = 0;
  const missing = createMissingPaths(() => now);
  const [a, b] = [{} as Server, {} as Server];
  assert.equal(missing.of("/x").size, 0);
  missing.add("/x", a);
  now = 6_000;
  missing.add("/x", b);
  assert.deepEqual([...missing.of("/x")], [[a, 0], [b, 6_000]]);
  assert.equal(missing.of("/y").size, 0);
  now = 10_000;
  assert.deepEqual([...missing.of("/x").keys()], [b]);
  now = 16_000;
  assert.equal(missing.of("/x").size, 0);
});

Deno.test("of very many paths the latest are remembered", () => {
  const missing = createMissingPaths(() => 0);
  const server = {} as Server;
  for (let i = 0; i <= 1_000; i++) missing.add(`/v1/responses/${i}`, server);
  assert.equal(missing.of("/v1/responses/0").size, 0);
  assert.equal(missing.of("/v1/responses/1").size, 1);
});
