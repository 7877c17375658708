import assert from "node:assert/strict";
import { createConnectProbe } from "../../src/http/connect_probe.ts";
import { hangConnects } from "../../src/simulator/unreachable.ts";
import { startRaw } from "../support/raw.ts";
import { until } from "../support/until.ts";
import { deadUrl, startSilent } from "../support/upstream.ts";

/** What one look tells of a server, without any before it. */
const isReachable = (url: string, withinMs: number) => createConnectProbe()(url, withinMs);

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

Deno.test("requests that wait for the same server share one look, those for another don't", async () => {
  await using one = startRaw(() => {});
  await using other = startRaw(() => {});
  const reach = createConnectProbe();
  const looks = Array.from({ length: 50 }, (_, i) => reach(`${one.url}/v1/${i}`, 5_000));
  assert.ok((await Promise.all([...looks, reach(other.url, 5_000)])).every(Boolean));
  assert.equal(await reach(one.url, 5_000), true);
  await until("seen", () => one.connections() > 0 && other.connections() > 0);
  assert.deepEqual([one.connections(), other.connections()], [1, 1]);
});

Deno.test("what a look found holds for as long as it may take, then another is made", async () => {
  await using server = startRaw(() => {});
  const reach = createConnectProbe();
  await reach(server.url, 100);
  await until("its time is over", async () => {
    await reach(server.url, 100);
    return server.connections() > 1;
  });
});
