import assert from "node:assert/strict";
import { cli } from "../support/cli.ts";
import { bearer, startGuarded, startRecorder, statusOf } from "./guarded.ts";

async function newKey(...args: string[]) {
  const { code, stdout, stderr } = await cli(["key", "new", ...args]);
  assert.equal(code, 0, stderr);
  const [key = "", line = "", ...more] = stdout.trimEnd().split("\n");
  assert.deepEqual(more, []);
  return { key, line };
}

Deno.test("`key new` prints a new key and the configuration line that admits it by name", async () => {
  const { key, line } = await newKey("--name", 'the "lab"');
  assert.match(key, /^vr-[\w-]{43}$/);
  assert.match(line, /^\{ name = "the \\"lab\\"", key = "sha256:[0-9a-f]{64}" \},$/);
  assert.ok(!line.includes(key), "the line doesn't hold it");

  await using server = startRecorder();
  await using router = await startGuarded({
    server: server.url,
    tables: `[auth]\napi_keys = [\n${line}\n]`,
  });
  assert.equal(await statusOf(router.ask({ headers: bearer(key) })), 200);
  const hash = /sha256:\w+/.exec(line)![0];
  for (const other of [hash, hash.slice(7), key.slice(0, -1), key.toLowerCase(), key.slice(3)]) {
    assert.equal(await statusOf(router.ask({ headers: bearer(other) })), 401);
  }
  const page = await (await router.get("/metrics", bearer(key))).text();
  assert.match(page, /key_requests_total{key="the \\"lab\\"",code="200"} 1/);
});

Deno.test("every new key is different", async () => {
  const [one, other] = [await newKey(), await newKey()];
  assert.notEqual(one.key, other.key);
  assert.notEqual(one.line, other.line);
});
