import assert from "node:assert/strict";
import { createConnectProbe } from "../../src/http/connect_probe.ts";
import { hangConnects } from "../../src/simulator/http/unreachable.ts";
import { startRaw } from "../support/raw.ts";
import { until } from "../support/until.ts";
import { deadUrl, startSilent } from "../support/upstream.ts";

/** The result of a single probe, with an empty cache. */
const isReachable = (url: string, withinMs: number) => createConnectProbe()(url, withinMs);

Deno.test("a server that accepts connections is reachable, even if it never sends anything", async () => {
  await using server = startSilent();
  assert.equal(await isReachable(`${server.url}/v1/completions?a=b`, 5_000), true);
});

Deno.test("a server that refuses connections is reachable: fetch reports the refusal", async () => {
  assert.equal(await isReachable(deadUrl(), 5_000), true);
  assert.equal(await isReachable(deadUrl().replace("127.0.0.1", "[::1]"), 5_000), true);
});

Deno.test("an unresolvable name is reachable: fetch reports it as well", async () => {
  assert.equal(await isReachable("http://nobody.invalid:80/", 5_000), true);
});

Deno.test({
  name: "a server that drops packets is unreachable, after no longer than the timeout",
  ignore: Deno.build.os !== "linux",
  async fn() {
    const url = new URL(deadUrl());
    const port = await hangConnects("127.0.0.1", Number(url.port));
    try {
      const started = performance.now();
      assert.equal(await isReachable(url.href, 100), false);
      const after = performance.now() - started;
      assert.ok(after >= 99 && after < 30_000, `${after} ms`);
    } finally {
      await port.close();
    }
  },
});

Deno.test("concurrent requests to the same server share one probe; other servers have their own", async () => {
  await using one = startRaw(() => {});
  await using other = startRaw(() => {});
  const reach = createConnectProbe();
  const looks = Array.from({ length: 50 }, (_, i) => reach(`${one.url}/v1/${i}`, 5_000));
  assert.ok((await Promise.all([...looks, reach(other.url, 5_000)])).every(Boolean));
  assert.equal(await reach(one.url, 5_000), true);
  await until(
    "both servers see the connection",
    () => one.connections() > 0 && other.connections() > 0,
  );
  assert.deepEqual([one.connections(), other.connections()], [1, 1]);
});

Deno.test("a probe's result is cached for as long as its timeout", async () => {
  await using server = startRaw(() => {});
  const reach = createConnectProbe();
  await reach(server.url, 100);
  await until("the result expires", async () => {
    await reach(server.url, 100);
    return server.connections() > 1;
  });
});
