import assert from "node:assert/strict";
import type { SourceStatus } from "../../src/discovery/status.ts";
import { createMetrics } from "../../src/monitor/metrics.ts";
import { monotonicMs } from "../../src/util/clock.ts";
import { snapshotWith } from "./views.ts";

Deno.test("sources show whether they can be read, since when not, and how many servers they have", async () => {
  const since = monotonicMs() - 60_000;
  let sources: SourceStatus[] = [
    { name: "dns a", servers: 3, failure: undefined },
    { name: "files b", servers: 2, failure: { reason: "away", since } },
    { name: "dns new", servers: undefined, failure: undefined },
  ];
  const { page } = createMetrics(() => snapshotWith([{ url: "http://a" }]), "1.2.3", {
    sources: () => sources,
  });
  const lines = async () =>
    (await page()).split("\n").filter((line) => line.startsWith("vllm_router_discovery_"));
  const [up, servers] = ["vllm_router_discovery_up", "vllm_router_discovery_servers"];
  const shown = await lines();
  assert.deepEqual(shown.slice(0, 6), [
    `${up}{source="dns a"} 1`,
    `${up}{source="files b"} 0`,
    `${up}{source="dns new"} 0`,
    `${servers}{source="dns a"} 3`,
    `${servers}{source="files b"} 2`,
    `${servers}{source="dns new"} 0`,
  ]);
  const [, at] = /failed_since_timestamp_seconds\{source="files b"\} (\d+)$/.exec(shown[6]!)!;
  assert.ok(Math.abs(Number(at) - (Date.now() / 1000 - 60)) < 10);
  assert.equal(shown.length, 7);
  sources = sources.slice(0, 1);
  assert.deepEqual(await lines(), [`${up}{source="dns a"} 1`, `${servers}{source="dns a"} 3`]);
});
