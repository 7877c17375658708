import assert from "node:assert/strict";
import { eventsLine, helloLine, PEER_VERSION } from "../../src/peers/words.ts";
import { serverHash } from "../../src/fleet/peers/event.ts";
import { ask, inFlight } from "../support/fleet.ts";
import { freePort, heardOf, PEER_KEY, startPeered, startPeeredRouters } from "../support/peered.ts";
import { sentEventOf } from "../support/peers.ts";
import { until } from "../support/until.ts";

/** Reads a stream to its end in the background. */
function readAll(response: Response): Promise<string> {
  return response.text();
}

Deno.test("a router knows at once what its peer has in flight, and when it ends", async () => {
  await using peered = await startPeeredRouters();
  const [one, other] = peered.routers;
  await until("they are peers", async () => {
    const response = await ask(one!.url, { tokens: 200, stream: true });
    const known = heardOf(other!) === 1;
    await response.body?.cancel();
    return known;
  });
  await until("the first ones have ended", () => inFlight(one!) === 0 && heardOf(other!) === 0);
  const streams = await Promise.all(
    [1, 2, 3].map(() => ask(one!.url, { tokens: 400, stream: true })),
  );
  await until("all three are known", () => heardOf(other!) === 3);
  assert.equal(heardOf(one!), 0, "a router is not its own peer");
  await Promise.all(streams.map(readAll));
  await until("none is left", () => heardOf(other!) === 0);
});

async function assertServes(url: string): Promise<void> {
  const response = await ask(url);
  assert.equal(response.status, 200);
  await response.text();
}

/** Posts lines as a peer would. */
function pretend(router: string, lines: string, key = PEER_KEY) {
  let queue!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      queue = controller;
      controller.enqueue(encoder.encode(lines));
    },
  });
  const abort = new AbortController();
  const response = fetch(`${router}/peers`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body,
    signal: abort.signal,
  });
  return {
    response,
    say: (more: string) => queue.enqueue(encoder.encode(more)),
    hangUp: () => abort.abort(),
    [Symbol.dispose]() {
      try {
        queue.close();
      } catch {
        // The connection's end has closed it.
      }
    },
  };
}

async function startListening(count = 1) {
  await using stack = new AsyncDisposableStack();
  const { startSimulator } = await import("../../src/simulator/simulator.ts");
  const simulator = await startSimulator({ speed: 20 });
  stack.defer(() => simulator.close());
  const port = freePort();
  const admin = `http://127.0.0.1:${port}`;
  const router = await startPeered([simulator.url], port, [admin]);
  stack.defer(() => router.shutdown(0));
  const events = Array.from(
    { length: count },
    (_, id) =>
      sentEventOf({
        id,
        server: serverHash(simulator.url),
        promptTokens: 1_000_000,
        ownTokens: 1_000_000,
      }),
  );
  const moved = stack.move();
  return {
    router,
    admin,
    events,
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  };
}

Deno.test("a peer that is silent for a second counts for nothing", async () => {
  await using listening = await startListening(5);
  const { router, admin, events } = listening;
  using peer = pretend(admin, helloLine("silent") + eventsLine(events));
  const response = await peer.response;
  assert.equal(response.status, 200);
  await until("it counts", () => heardOf(router) === 5);
  const [server] = router.fleet.snapshot().servers;
  assert.ok(server!.work.pendingTokens > 4_500_000, "hardly any was computed since");
  const at = performance.now();
  while (performance.now() - at < 1_500) {
    peer.say(eventsLine([]));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.equal(heardOf(router), 5, "a heartbeat is enough");
  await until("it counts no longer", () => heardOf(router) === 0);
  await response.text();
  await assertServes(router.url);
});

Deno.test("a peer whose connection breaks counts for nothing at once", async () => {
  await using listening = await startListening(3);
  const { router, admin, events } = listening;
  using peer = pretend(admin, helloLine("broken") + eventsLine(events));
  const response = await peer.response;
  await until("it counts", () => heardOf(router) === 3);
  peer.hangUp();
  await assert.rejects(response.text());
  await until("it counts no longer", () => heardOf(router) === 0);
});

Deno.test("a new hello replaces what was told before", async () => {
  await using listening = await startListening(3);
  const { router, admin, events } = listening;
  using peer = pretend(admin, helloLine("again") + eventsLine(events));
  const response = await peer.response;
  await until("it counts", () => heardOf(router) === 3);
  peer.say(helloLine("again") + eventsLine(events.slice(0, 1)));
  await until("the rest is forgotten", () => heardOf(router) === 1);
  using next = pretend(admin, helloLine("again") + eventsLine(events.slice(0, 2)));
  await until("a new connection replaces the old one", () => heardOf(router) === 2);
  await response.text();
  const answer = await next.response;
  next.hangUp();
  await assert.rejects(answer.text());
});

for (
  const [what, lines, key, status] of [
    ["without the key", helloLine("a"), "another-key-of-routers", 401],
    [
      "of another version",
      JSON.stringify({ version: PEER_VERSION + 1, hashing: 1, instance: "a" }) + "\n",
      PEER_KEY,
      426,
    ],
    ["that says nonsense", "Hello?\n", PEER_KEY, 400],
  ] as const
) {
  Deno.test(`a peer ${what} gets ${status}, and counts for nothing`, async () => {
    await using listening = await startListening(1);
    const { router, admin, events } = listening;
    using peer = pretend(admin, lines + eventsLine(events), key);
    const response = await peer.response;
    assert.equal(response.status, status);
    await response.body?.cancel();
    assert.equal(heardOf(router), 0);
    await assertServes(router.url);
  });
}

Deno.test("a page of another site can't pretend to be a peer", async () => {
  await using listening = await startListening(0);
  const response = await fetch(`${listening.admin}/peers`, {
    method: "POST",
    headers: { authorization: `Bearer ${PEER_KEY}`, origin: "http://evil.example" },
    body: helloLine("page"),
  });
  assert.equal(response.status, 403);
  await response.body?.cancel();
});

Deno.test("a line without an end doesn't fill the memory", async () => {
  await using listening = await startListening(1);
  const { router, admin, events } = listening;
  using peer = pretend(admin, helloLine("long") + eventsLine(events));
  const response = await peer.response;
  await until("it counts", () => heardOf(router) === 1);
  for (let i = 0; i < 40; i++) peer.say("x".repeat(1 << 16));
  await response.text().catch(() => {});
  await until("it is hung up on", () => heardOf(router) === 0);
});
