import assert from "node:assert/strict";
import { createSharedLimits } from "../../src/auth/shared_limits.ts";
import type { Peers } from "../../src/config/config.ts";
import type { FleetPeers } from "../../src/fleet/peers/fleet_peers.ts";
import type { SourceEvents } from "../../src/discovery/status.ts";
import { readLines } from "../../src/peers/lines.ts";
import { startPeers } from "../../src/peers/start_peers.ts";
import { INSTANCE_HEADER, type PeerEvents } from "../../src/peers/status.ts";
import { until } from "../support/until.ts";

/** A peer that takes what is told, and counts the connections. */
function startListener(instance: string) {
  const counts = { opened: 0, open: 0 };
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    counts.opened++;
    counts.open++;
    const read = async () => {
      const lines = readLines(request.body!);
      while (await lines.next().catch(() => undefined) !== undefined);
      counts.open--;
      await writable.close().catch(() => {});
    };
    void read();
    return new Response(readable, { headers: { [INSTANCE_HEADER]: instance } });
  });
  const url = `http://127.0.0.1:${server.addr.port}`;
  return { url, counts, [Symbol.asyncDispose]: () => server.shutdown() };
}

const fleet: FleetPeers = {
  tellTo() {},
  inFlight: () => [],
  join: () => ({ size: 0, hear() {}, drop() {}, compare() {} }),
  compare() {},
};
const listener: PeerEvents & SourceEvents = {
  peerUp() {},
  peerDown() {},
  sourceChanged() {},
  sourceFailed() {},
  sourceRecovered() {},
  serverNamedTwice() {},
};

Deno.test("a changed list leaves the connections to routers that stay, and a changed key none", async () => {
  await using one = startListener("one");
  await using other = startListener("other");
  const peersOf = (key: string, ...routers: string[]): { readonly peers: Peers } => ({
    peers: { routers, sources: [], key },
  });
  const running = startPeers(
    peersOf("a-key", one.url).peers,
    fleet,
    createSharedLimits(() => ({ keys: [] })),
    () => listener,
  );
  await until("it is connected", () => one.counts.open === 1);
  running.update(peersOf("a-key", one.url, other.url));
  await until("the other one is, too", () => other.counts.open === 1);
  running.update(peersOf("a-key", one.url));
  await until("the other one is hung up on", () => other.counts.open === 0);
  assert.deepEqual(one.counts, { opened: 1, open: 1 });
  assert.deepEqual(running.status().map(({ router }) => router), [one.url]);

  running.update(peersOf("another-key", one.url));
  await until("it is connected anew", () => one.counts.opened === 2 && one.counts.open === 1);
  running.update({});
  await until("it is hung up on", () => one.counts.open === 0);
  assert.deepEqual(running.status(), []);
  running.update(peersOf("another-key", one.url));
  await until("it is connected again", () => one.counts.open === 1);
  await running.stop();
  await until("it is hung up on at the end", () => one.counts.open === 0);
});
