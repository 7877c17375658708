import assert from "node:assert/strict";
import { createEndpoints } from "../../../bench/cost/scale/endpoints.ts";
import { startFleetRouter } from "../../../bench/cost/scale/router.ts";
import { startFileSource, startKubernetesSource } from "../../../bench/cost/scale/sources.ts";
import { startUpstream } from "../../../bench/cost/upstream/start.ts";
import { freePort } from "../../../bench/support/processes.ts";
import { until } from "../../support/until.ts";

Deno.test("as many endpoints serve and are known after each replacement, and no address comes back", () => {
  const { slots, replace } = createEndpoints(300, 20);
  const seen = new Set(slots.map(({ address }) => address));
  for (let i = 1; i <= 1_000; i++) {
    const [gone, next] = replace();
    assert.deepEqual([slots[gone!]!.isReady, slots[next!]!.isReady], [false, true]);
    assert.equal(slots.filter(({ isReady }) => isReady).length, 20);
    seen.add(slots[gone!]!.address);
    assert.equal(seen.size, 300 + i);
  }
});

for (const [name, start] of Object.entries({ startKubernetesSource, startFileSource })) {
  Deno.test({
    name: `the router of the benchmark follows ${name} and reports on its process`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      const folder = await Deno.makeTempDir();
      await using stack = new AsyncDisposableStack();
      stack.defer(() => Deno.remove(folder, { recursive: true }));
      const upstream = stack.use(await startUpstream({ isMany: true }));
      const ports = { port: upstream.port, deadPort: freePort() };
      const source = stack.use(await start({ known: 12, serving: 4 }, ports, folder));
      const router = stack.use(
        await startFleetRouter({ entry: source.entry, folder, serving: 4 }),
      );
      const healthy = async (): Promise<string[]> =>
        JSON.parse(await router.page("/dashboard/view")).servers
          .filter(({ state }: { state: string }) => state === "healthy")
          .map(({ url }: { url: string }) => url);
      const before = await healthy();
      await source.replace(4);
      await until("others serve", async () => {
        const now = await healthy();
        return now.length === 4 && now.every((url) => !before.includes(url));
      });
      const { rss, lagMaxMs } = await router.look();
      assert.ok(rss > 0 && lagMaxMs > 0);
    },
  });
}
