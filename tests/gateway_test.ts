import assert from "node:assert/strict";
import { startRouter } from "./support/router.ts";
import { deadUrl, modelsPage, startUpstream } from "./support/upstream.ts";
import { until } from "./support/until.ts";

Deno.test("a client that never finishes its upload delays shutdown no longer than the drain timeout", async () => {
  const router = await startRouter([{ url: deadUrl() }]);
  const client = await Deno.connect({
    hostname: "127.0.0.1",
    port: router.port,
  });
  const head = "POST /v1/completions HTTP/1.1\r\nhost: router\r\n" +
    "content-length: 1000\r\nexpect: 100-continue\r\n\r\n";
  await client.write(new TextEncoder().encode(head));
  const answer = new Uint8Array(100);
  const length = await client.read(answer);
  assert.match(new TextDecoder().decode(answer.subarray(0, length ?? 0)), /^HTTP\/1.1 100 /);
  let down = false;
  const shutdown = router.shutdown(100).then(() => void (down = true));
  try {
    await until("the router is down", () => down);
  } finally {
    client.close();
    await shutdown;
  }
});

Deno.test("an idle router stops at once, and its port is free again", async () => {
  const router = await startRouter([{ url: deadUrl() }]);
  const started = performance.now();
  await router.shutdown();
  assert.ok(performance.now() - started < 30_000);
  Deno.listen({ hostname: "127.0.0.1", port: router.port }).close();
});

Deno.test("a second shutdown waits for the first", async () => {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using vllm = startUpstream((request) => {
    if (request.url.endsWith("/v1/models")) return modelsPage("m");
    if (request.method === "GET") return new Response("");
    asked.resolve();
    return answer.promise;
  });
  const router = await startRouter([{ url: vllm.url }], { drain_delay: 0 });
  const response = fetch(`${router.url}/v1/completions`, { method: "POST", body: `{"model":"m"}` });
  await asked.promise;
  const ended: string[] = [];
  const first = router.shutdown().then(() => ended.push("first"));
  const second = router.shutdown(0).then(() => ended.push("second"));
  const disposed = router[Symbol.asyncDispose]().then(() => ended.push("disposed"));
  await until("the router refuses connections", async () => {
    const live = await fetch(`${router.url}/livez`).catch(() => undefined);
    await live?.body?.cancel();
    return live === undefined;
  });
  const endedBefore = [...ended];
  answer.resolve(Response.json({ done: true }));
  assert.deepEqual(endedBefore, []);
  assert.deepEqual(await (await response).json(), { done: true });
  await Promise.all([first, second, disposed]);
  assert.deepEqual(ended, ["first", "second", "disposed"]);
});
