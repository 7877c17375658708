import assert from "node:assert/strict";
import { isReachable } from "../../src/proxy/reach.ts";
import { hangConnects } from "../../src/simulator/unreachable.ts";
import { deadUrl, startSilent } from "../support/upstream.ts";

Deno.test("a server that takes connections can be reached, though it never says a word", async () => {
  await using server = startSilent();
  assert.equal(await isReachable(`${server.url}/v1/completions?a=b`, 5_000), true);
});

Deno.test("a server that refuses connections answers: the refusal is told elsewhere", async () => {
  assert.equal(await isReachable(deadUrl(), 5_000), true);
  assert.equal(await isReachable(deadUrl().replace("127.0.0.1", "[::1]"), 5_000), true);
});

Deno.test("a name that nobody knows is told elsewhere as well", async () => {
  assert.equal(await isReachable("http://nobody.invalid:80/", 5_000), true);
});

Deno.test({
  name: "a server whose packets vanish can't be reached, and no longer is waited than said",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const url = new URL(deadUrl());
    const port = await hangConnects("127.0.0.1", Number(url.port));
    try {
      const started = performance.now();
      assert.equal(await isReachable(url.href, 100), false);
      const after = performance.now() - started;
      assert.ok(after >= 99 && after < 900, `${after} ms`);
    } finally {
      await port.close();
    }
  },
});
