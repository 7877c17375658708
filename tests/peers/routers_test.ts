import assert from "node:assert/strict";
import { MOST_ROUTERS } from "../../src/config/peers_schema.ts";
import { routersOf } from "../../src/peers/routers.ts";
import type { Gateway } from "../../src/gateway.ts";
import { startSimulator } from "../../src/simulator/simulator.ts";
import { startDnsServer } from "../support/dns_server.ts";
import { ask } from "../support/fleet.ts";
import { endpointAt, sliceOf, startKubernetesApi } from "../support/kubernetes_api.ts";
import { freePort, heardOf, startPeered } from "../support/peered.ts";
import { until } from "../support/until.ts";

/** Records of a name whose SRV records lead to these ports of 127.0.0.1. */
function recordsOf(ports: readonly number[]) {
  return {
    "SRV _peers._tcp.test": ports.map((port) => `${port} router.test`),
    "A router.test": ["127.0.0.1"],
  };
}

const addressOf = (port: number) => `http://127.0.0.1:${port}`;

/** Waits until a router's peers are those at these ports, and all are up. */
function untilPeers(router: Gateway, ...ports: readonly number[]) {
  return until(`the peers are ${ports}`, () => {
    const { peers } = router.view();
    const routers = peers.map(({ router }) => router).sort();
    return peers.every(({ up }) => up) && String(routers) === String(ports.map(addressOf).sort());
  });
}

/** Asserts that a router's first peer has been up since this wall-clock time, which is rounded. */
function assertUpSince(router: Gateway, since: number): void {
  const [peer] = router.view().peers;
  assert.ok(peer?.up && Math.abs(peer.since - since) < 10, JSON.stringify([peer, since]));
}

Deno.test("routers that DNS names become peers, and those that come and go leave the others alone", async () => {
  await using simulator = await startSimulator({ speed: 20 });
  const [one = 0, other = 0, third = 0] = [freePort(), freePort(), freePort()];
  await using dns = startDnsServer(recordsOf([one, other]));
  const lookup = {
    dns: { name: "_peers._tcp.test", type: "SRV", resolver: dns.address, every: 0.1 },
  };
  await using first = await startPeered([simulator.url], one, lookup);
  await using second = await startPeered([simulator.url], other, lookup);
  await untilPeers(first, other);
  await untilPeers(second, one);
  const { since } = second.view().peers[0]!;
  const stream = await ask(first.url, { tokens: 3_000, stream: true });
  await until("its request is known", () => heardOf(second) === 1);

  {
    await using last = await startPeered([simulator.url], third, lookup);
    dns.answers = recordsOf([one, other, third]);
    await untilPeers(first, other, third);
    await untilPeers(second, one, third);
    await untilPeers(last, one, other);
    await until("it is told of what was in flight before", () => heardOf(last) === 1);
    assert.deepEqual(second.view().sources, [
      { name: "peers dns _peers._tcp.test", servers: 3, failure: null, failedSince: null },
    ]);
  }
  dns.answers = recordsOf([one, other]);
  await untilPeers(first, other);
  await untilPeers(second, one);
  assertUpSince(second, since);
  assert.equal(heardOf(second), 1);

  dns.answers = "servfail";
  await until("it can't be read", () => second.view().sources[0]!.failure !== null);
  assert.match(second.view().sources[0]!.failure!, /^no A records of router\.test any more/);
  await untilPeers(second, one);
  assertUpSince(second, since);
  await stream.body?.cancel();
});

Deno.test("pods of the routers' own Service become peers, until they are gone", async () => {
  await using simulator = await startSimulator({ speed: 20 });
  await using api = startKubernetesApi();
  const [one = 0, other = 0] = [freePort(), freePort()];
  const slice = (port: number, conditions?: Record<string, boolean>) => ({
    ...sliceOf(`vllm-router-${port}`, [{
      ...endpointAt("127.0.0.1", conditions),
      targetRef: { kind: "Pod", name: `vllm-router-${port}`, uid: `uid-${port}` },
    }], { ports: [{ name: "admin", port, protocol: "TCP" }] }),
  });
  for (const port of [one, other]) api.put("endpointslices", slice(port));
  const source = {
    kubernetes: { service: "vllm", namespace: "llm", port: "admin", api_server: api.url },
  };
  await using first = await startPeered([simulator.url], one, source);
  await using second = await startPeered([simulator.url], other, source);
  await untilPeers(first, other);
  await untilPeers(second, one);
  assert.equal(first.view().sources[0]!.name, "peers kubernetes llm/vllm");

  const stream = await ask(first.url, { tokens: 3_000, stream: true });
  await until("its request is known", () => heardOf(second) === 1);
  const { since } = second.view().peers[0]!;
  const reads = api.requests.length;
  api.put("endpointslices", slice(one, { ready: false, serving: false, terminating: true }));
  api.end();
  await until("the change was read", () => api.requests.length >= reads + 2);
  assertUpSince(second, since);
  assert.equal(heardOf(second), 1, "its requests count until they end");
  api.remove("endpointslices", `vllm-router-${one}`);
  await untilPeers(second);
  assert.equal(heardOf(second), 1, "what it tells counts as long as it does");
  await stream.body?.cancel();
  await until("its request has ended", () => heardOf(second) === 0);
});

Deno.test("a router that two addresses lead to is one peer", async () => {
  await using simulator = await startSimulator({ speed: 20 });
  const [one = 0, other = 0] = [freePort(), freePort()];
  await using first = await startPeered([simulator.url], one, [addressOf(one), addressOf(other)]);
  const twice = [addressOf(one), `http://localhost:${one}`];
  await using second = await startPeered([simulator.url], other, twice);
  await until("one link is left", () => second.view().peers.length === 1);
  await until("it is up", () => second.view().peers[0]!.up);
  const { since } = second.view().peers[0]!;
  const stream = await ask(second.url, { tokens: 3_000, stream: true });
  await until("its request is known", () => heardOf(first) === 1);
  for (let looks = 0; looks < 100; looks++) {
    assert.equal(heardOf(first), 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(second.view().peers.length, 1);
  assertUpSince(second, since);
  await stream.body?.cancel();
});

Deno.test("an address that was the router's own and becomes another's leads to a peer", async () => {
  await using simulator = await startSimulator({ speed: 20 });
  const [one = 0, other = 0] = [freePort(), freePort()];
  let to = one;
  const client = Deno.createHttpClient({});
  const shared = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    return fetch(addressOf(to) + pathname, {
      method: request.method,
      headers: request.headers,
      body: request.body,
      signal: request.signal,
      client,
    });
  });
  const address = addressOf(shared.addr.port);
  {
    await using first = await startPeered([simulator.url], one, [address]);
    await using second = await startPeered([simulator.url], other, [addressOf(one)]);
    await until("the address is its own", () => first.view().peers.length === 0);
    to = other;
    await untilPeers(first, shared.addr.port);
    await untilPeers(second, one);
  }
  client.close();
  await shared.shutdown();
});

Deno.test("at most 64 routers count, the same ones in each router", () => {
  const found = Array.from({ length: 100 }, (_, i) => ({ url: `http://10.0.0.${100 + i}:9090` }));
  const { routers, ignored } = routersOf(["http://router-2:9090"], found.toReversed());
  assert.equal(routers.length, MOST_ROUTERS);
  assert.deepEqual(routers.slice(0, 2), ["http://router-2:9090", "http://10.0.0.100:9090"]);
  assert.equal(ignored, 101 - MOST_ROUTERS);
  assert.deepEqual(routersOf([found[0]!.url], found.slice(0, 2)), {
    routers: ["http://10.0.0.100:9090", "http://10.0.0.101:9090"],
    ignored: 0,
  });
});
