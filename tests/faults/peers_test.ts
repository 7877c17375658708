import assert from "node:assert/strict";
import { createLiar, speakAnotherVersion } from "../../bench/chaos/liar.ts";
import { type Disturbance, openPath, type Path } from "../../bench/support/path.ts";
import type { Gateway } from "../../src/gateway.ts";
import { type Simulator, startSimulator } from "../../src/simulator/simulator.ts";
import { ask, eventsOf } from "../support/fleet.ts";
import { freePort, heardOf, PEER_KEY, startPeered } from "../support/peered.ts";
import { until } from "../support/until.ts";

// A peer in trouble costs no request, whatever its trouble (docs/peers.md).

interface Pair extends AsyncDisposable {
  readonly simulators: readonly Simulator[];
  /** Each reaches the other by the other's path. */
  readonly routers: readonly (Gateway & { readonly url: string })[];
  readonly paths: readonly Path[];
  readonly admins: readonly string[];
}

async function startPair(): Promise<Pair> {
  await using stack = new AsyncDisposableStack();
  const simulators = await Promise.all([0, 1].map(() => startSimulator({ speed: 20 })));
  for (const simulator of simulators) stack.use(simulator);
  const ports = [freePort(), freePort()];
  const paths = ports.map((port) => stack.use(openPath(port)));
  const routers: Pair["routers"][number][] = [];
  for (const [index, port] of ports.entries()) {
    const urls = simulators.map(({ url }) => url);
    const router = await startPeered(urls, port, [paths[1 - index]!.url]);
    stack.defer(() => router.shutdown(0));
    routers.push(router);
  }
  await until("they are peers", () => routers.every(isPeerUp));
  const moved = stack.move();
  return {
    ...{ simulators, routers, paths },
    admins: ports.map((port) => `http://127.0.0.1:${port}`),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

const isPeerUp = (router: Gateway) => router.view().peers.every(({ up }) => up);

/** Each router answers a document and a stream, and every attempt is the first. */
async function assertServe({ routers, simulators }: Pair): Promise<void> {
  const received = () => simulators.reduce((sum, { state }) => sum + state().received, 0);
  const before = received();
  await Promise.all(routers.map(async ({ url }) => {
    const [document, stream] = await Promise.all([
      ask(url),
      ask(url, { stream: true, tokens: 20 }),
    ]);
    assert.deepEqual([document.status, stream.status], [200, 200]);
    assert.equal((await document.json()).usage.completion_tokens, 5);
    assert.equal(eventsOf(await stream.text()).at(-1), "[DONE]");
  }));
  assert.equal(received() - before, 4, "none was moved or repeated");
}

const STOPS: readonly [string, readonly (Disturbance | undefined)[]][] = [
  ["in both directions", [
    { kind: "stops", directions: ["there", "back"] },
    { kind: "stops", directions: ["there", "back"] },
  ]],
  ["in one direction", [
    { kind: "stops", directions: ["back"] },
    { kind: "stops", directions: ["there"] },
  ]],
];
for (const [how, disturbances] of STOPS) {
  Deno.test(`a network between peers that stops ${how} takes the peer's load away, and no request`, async () => {
    await using pair = await startPair();
    const { routers: [one, other], paths } = pair;
    const stream = await ask(one!.url, { stream: true, tokens: 3_000 });
    await until("it is known", () => heardOf(other!) === 1);
    const { load } = busiest(other!);
    paths.forEach((path, index) => path.disturb(disturbances[index]));
    await until("it counts for nothing", () => heardOf(other!) === 0);
    assert.ok(busiest(other!).load < load, "the snapshot's load is without it");
    await assertServe(pair);

    paths.forEach((path) => path.disturb(undefined));
    await until("it is known again", () => heardOf(other!) === 1);
    assert.equal(eventsOf(await stream.text()).at(-1), "[DONE]");
    await until("it has ended", () => heardOf(other!) === 0);
  });
}

Deno.test("connections between peers that break within lines cost no request", async () => {
  await using pair = await startPair();
  const { routers, paths } = pair;
  for (const path of paths) path.disturb({ kind: "cuts", afterBytes: 300 });
  for (let round = 0; round < 3; round++) await assertServe(pair);
  await until("a connection broke", () => !routers.every(isPeerUp));
  for (const path of paths) path.disturb(undefined);
  await until("they are peers again", () => routers.every(isPeerUp));
  await until("nothing is left", () => routers.every((router) => heardOf(router) === 0));
});

Deno.test("words that arrive late cost no request", async () => {
  await using pair = await startPair();
  for (const path of pair.paths) path.disturb({ kind: "delays", ms: 300 });
  for (let round = 0; round < 3; round++) await assertServe(pair);
  await until("nothing is left", () => pair.routers.every((router) => heardOf(router) === 0));
  assert.ok(pair.routers.every(isPeerUp));
});

Deno.test("a peer that claims thousands of requests on every server costs no request", async () => {
  await using pair = await startPair();
  const { routers: [one], admins: [admin], simulators } = pair;
  const liar = createLiar(admin!, PEER_KEY, simulators.map(({ url }) => url));
  await until("it is believed", () => heardOf(one!) > 4_000);
  for (let round = 0; round < 3; round++) await assertServe(pair);
  await liar.stop();
  await until("it counts for nothing", () => heardOf(one!) === 0);
});

Deno.test("a peer of another version costs no request", async () => {
  await using pair = await startPair();
  for (const admin of pair.admins) await speakAnotherVersion(admin, PEER_KEY);
  await assertServe(pair);
  assert.ok(pair.routers.every(isPeerUp));
});

function busiest(router: Gateway) {
  return router.fleet.snapshot().servers.toSorted((a, b) => b.load - a.load)[0]!;
}
