import assert from "node:assert/strict";
import type { Fault } from "../../src/simulator/simulator.ts";
import { ask, eventsOf, inFlight, startFleet, type TestFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

/**
 * A server is released within 100 ms after its client disconnects; a slow machine may take longer.
 * Without noticing the disconnect, it would take seconds.
 */
const FREED_MS = 1_000;

/** Starts a request, disconnects at `stage`, and checks that the server is released. */
async function leave(
  fleet: TestFleet,
  request: Parameters<typeof ask>[1],
  stage: (response: Promise<Response>) => Promise<unknown>,
) {
  const [simulator] = fleet.simulators;
  const client = new AbortController();
  const response = ask(fleet.router.url, { ...request, signal: client.signal });
  response.catch(() => {});
  await stage(response);
  const before = simulator!.state();
  client.abort();
  const tookMs = await until(
    "the server and the router are freed",
    () => {
      const { running, waiting, aborted } = simulator!.state();
      return running + waiting === 0 && aborted === before.aborted + 1 &&
        inFlight(fleet.router) === 0;
    },
  );
  assert.ok(tookMs < FREED_MS, `freed after ${tookMs} ms`);
  assert.equal(
    fleet.router.fleet.snapshot().servers[0]!.consecutiveFailures,
    0,
    "not blamed",
  );
}

/** Waits until the request has reached the server. */
function received(
  fleet: TestFleet,
  response: Promise<Response>,
): Promise<number> {
  response.catch(() => {});
  return until(
    "the server has the request",
    () => fleet.simulators[0]!.state().received > 0,
  );
}

async function readChunks(
  response: Promise<Response>,
  count: number,
): Promise<void> {
  const reader = (await response).body!.getReader();
  for (let i = 0; i < count; i++) await reader.read();
}

const cases: readonly [string, Fault | undefined, boolean][] = [
  ["before the head of a stream", { kind: "hang_before_head" }, true],
  [
    "before the first token of a stream",
    { kind: "hang_before_first_token" },
    true,
  ],
  ["before the head of an answer that is no stream", {
    kind: "hang_before_head",
  }, false],
];

// If a request took more than one read, the runtime reports a disconnect only once the head of the
// answer is sent. A stream's head is sent early for that reason.
Deno.test("a client with a long prompt that leaves before the first token of a stream frees the server at once", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "hang_before_first_token" } }],
  });
  const content = "x".repeat(20_000);
  await leave(fleet, { stream: true, content }, async (response) => {
    assert.equal((await response).status, 200, "the head is there before the first token");
  });
});

Deno.test("a stream whose head was sent early can still move to another server, and gets an error event if none is left", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "hang_before_first_token" }, capacity: 100 }, { capacity: 1 }],
    settings: {
      policy: "round_robin",
      request_timeout: 1.5,
      health_check_interval: 60,
      debug_headers: true,
    },
  });
  const moved = await ask(fleet.router.url, { stream: true });
  assert.match(moved.headers.get("x-router-decision") ?? "", /^round_robin/);
  assert.equal(eventsOf(await moved.text()).at(-1), "[DONE]");
  assert.equal(fleet.simulators[1]!.state().finished, 1);

  await fleet.simulators[1]!.setFault({ kind: "hang_before_first_token" });
  const failed = await ask(fleet.router.url, { stream: true });
  assert.equal(failed.status, 200);
  let text = "";
  await assert.rejects(async () => {
    for await (const chunk of failed.body!) text += new TextDecoder().decode(chunk);
  }, "no clean end");
  const [event] = eventsOf(text) as { error: { code: number } }[];
  assert.equal(event!.error.code, "servers_silent");
});

for (const [stage, fault, stream] of cases) {
  Deno.test(`a client that leaves ${stage} frees the server at once`, async () => {
    await using fleet = await startFleet({ servers: [fault ? { fault } : {}] });
    await leave(fleet, { stream }, (response) => received(fleet, response));
  });
}

Deno.test("a client that leaves while its answer is computed frees the server at once", async () => {
  await using fleet = await startFleet({ servers: [{ speed: 1 }] });
  await leave(
    fleet,
    { tokens: 1000 },
    () =>
      until(
        "the server runs it",
        () => fleet.simulators[0]!.state().running === 1,
      ),
  );
});

Deno.test("clients that leave in mid-stream free the server at once", async () => {
  // Tokens arrive too slowly for the next one to reveal the disconnect.
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 1_500 }],
  });
  for (let i = 0; i < 3; i++) {
    await leave(
      fleet,
      { tokens: 1000, stream: true },
      (response) => readChunks(response, 1),
    );
  }
});

Deno.test("a client that leaves while its request waits in the server's queue frees the place at once", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, maxNumSeqs: 1 }],
  });
  const [simulator] = fleet.simulators;
  const first = new AbortController();
  const running = await ask(fleet.router.url, {
    tokens: 1000,
    stream: true,
    signal: first.signal,
  });
  const second = new AbortController();
  const waiting = ask(fleet.router.url, {
    tokens: 10,
    stream: true,
    signal: second.signal,
  });
  waiting.catch(() => {});
  await until("one waits", () => simulator!.state().waiting === 1);

  second.abort();
  const tookMs = await until(
    "none waits",
    () => simulator!.state().waiting === 0,
  );
  assert.ok(tookMs < FREED_MS, `freed after ${tookMs} ms`);
  assert.equal(simulator!.state().running, 1);
  first.abort();
  await running.body!.cancel().catch(() => {});
  await until("nothing is in flight", () => inFlight(fleet.router) === 0);
});

Deno.test("a client that disconnects in mid-upload leaves nothing behind", async () => {
  await using fleet = await startFleet({ servers: [{}] });
  const connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: fleet.router.port,
  });
  await connection.write(new TextEncoder().encode(
    'POST /v1/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"model":',
  ));
  connection.close();
  const answer = await ask(fleet.router.url);
  assert.equal(answer.status, 200);
  await answer.body?.cancel();
  await until("nothing is in flight", () => inFlight(fleet.router) === 0);
  assert.equal(fleet.simulators[0]!.state().received, 1);
});
