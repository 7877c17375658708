import assert from "node:assert/strict";
import { createMetrics } from "../../src/monitor/metrics.ts";
import type { PeerStatus } from "../../src/peers/status.ts";
import { snapshotWith } from "./views.ts";

Deno.test("peers show whether they are up, as long as they are configured", async () => {
  const known = { since: 0, problem: undefined };
  let peers: PeerStatus[] = [
    { router: "http://a:9090", isUp: true, ...known },
    { router: "http://b:9090", isUp: false, ...known },
  ];
  const { page } = createMetrics(() => snapshotWith([{ url: "http://a" }]), "1.2.3", {
    peers: () => peers,
  });
  const lines = async () =>
    (await page()).split("\n").filter((line) => line.startsWith("vllm_router_peer_"));
  const up = "vllm_router_peer_up";
  assert.deepEqual(await lines(), [
    `${up}{peer="http://a:9090"} 1`,
    `${up}{peer="http://b:9090"} 0`,
  ]);
  peers = peers.slice(1);
  assert.deepEqual(await lines(), [`${up}{peer="http://b:9090"} 0`]);
});
