import assert from "node:assert/strict";
import type { Fault } from "../../src/simulator/simulator.ts";
import { ask, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

const FAILING: Fault = { kind: "status", status: 500 };

async function statusOf(response: Promise<Response>): Promise<number> {
  const { status, body } = await response;
  await body?.cancel();
  return status;
}

Deno.test("a server whose checks pass while its requests fail is tried with one request at a time, and stays unhealthy longer each time", async () => {
  await using fleet = await startFleet({ servers: [{ fault: FAILING }] });
  const { router, simulators: [server] } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  for (let i = 0; i < 2; i++) assert.equal(await statusOf(ask(router.url)), 500);
  assert.equal(state(), "unhealthy");
  assert.equal(await statusOf(ask(router.url)), 503, "nothing goes there");
  assert.equal(server!.state().received, 2);

  const firstMs = await until("it is half-open", () => state() === "half-open");
  assert.equal((await fetch(`${router.url}/readyz`)).status, 200, "ready to be tried");
  await server!.setFault({ kind: "hang_before_head", times: 1 });
  const trial = ask(router.url);
  await until("one tries it", () => server!.state().received === 3);
  const others = Array.from({ length: 5 }, () => statusOf(ask(router.url)));
  assert.deepEqual(await Promise.all(others), Array(5).fill(503), "one at a time");
  assert.equal(server!.state().received, 3);
  assert.equal(await statusOf(trial), 504);
  assert.equal(state(), "unhealthy");

  const secondMs = await until("it is half-open", () => state() === "half-open");
  // 2 s and 4 s with 20% jitter: the order can't be reversed.
  assert.ok(secondMs > firstMs, `first ${firstMs} ms, then ${secondMs} ms`);
  await server!.setFault(null);
  assert.equal(await statusOf(ask(router.url)), 200);
  assert.equal(state(), "healthy");
});

Deno.test("a stream's first token closes the breaker, without waiting for its end", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: FAILING, speed: 1 }],
    settings: { failure_threshold: 1 },
  });
  const { router, simulators: [server] } = fleet;
  assert.equal(await statusOf(ask(router.url)), 500);
  await server!.setFault(null);
  const state = () => router.fleet.snapshot().servers[0]!.state;
  await until("it is half-open", () => state() === "half-open");
  const streaming = await ask(router.url, { stream: true, tokens: 500 });
  assert.equal(streaming.status, 200);
  assert.equal(state(), "healthy");
  await streaming.body?.cancel();
});

Deno.test("a recovered server is not flooded while others can take the load", async () => {
  await using fleet = await startFleet({
    servers: Array(2).fill({ speed: 1, capacity: 100, maxNumSeqs: 100 }),
    settings: { failure_threshold: 1, policy: "least_load" },
  });
  const { router, simulators: [cold] } = fleet;
  await cold!.setFault({ kind: "refuse" });
  const streams: Response[] = [];
  const open = async (count: number) => {
    const asked = Array.from({ length: count }, () => {
      return ask(router.url, { stream: true, tokens: 5000 });
    });
    streams.push(...await Promise.all(asked));
  };
  await open(20);
  assert.equal(router.fleet.servers[1]!.inFlight, 20);
  await cold!.setFault(null);
  const state = () => router.fleet.snapshot().servers[0]!.state;
  let back = performance.now();
  await until("it can be tried", () => {
    if (["half-open", "healthy"].includes(state())) return true;
    back = performance.now();
    return false;
  });
  await open(20);
  // Its share grows by a tenth of its capacity per second.
  const share = Math.ceil((performance.now() - back) / 100) + 1;
  const taken = router.fleet.servers[0]!.inFlight;
  assert.ok(taken >= 1 && taken <= share, `${taken} of 20 at once, its share is ${share}`);
  for (const { body } of streams) await body?.cancel();
  await until("all have left", () => router.fleet.servers.every(({ inFlight }) => inFlight === 0));
});

Deno.test("retries add at most a fifth to the requests, with a floor, when the whole fleet fails", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: FAILING }, { fault: FAILING }],
    settings: { failure_threshold: 1_000_000 },
  });
  const count = 1_000;
  let next = 0;
  const clients = Array.from({ length: 20 }, async () => {
    while (next++ < count) await statusOf(ask(fleet.router.url));
  });
  const started = performance.now();
  await Promise.all(clients);
  const windows = 1 + (performance.now() - started) / 10_000;
  const received = fleet.simulators.reduce((sum, { state }) => sum + state().received, 0);
  // The floor is 10 per second over the window of 10 s.
  const most = count + 0.2 * count + 100 * windows;
  assert.ok(received <= most, `${received} attempts for ${count} requests, at most ${most}`);
  assert.ok(received > count, "some were tried again");
  const page = await (await fetch(`${fleet.router.url}/metrics`)).text();
  const heldBack = Number(/^vllm_router_retries_held_back_total (\d+)/m.exec(page)?.[1]);
  assert.equal(received + heldBack, 2 * count);
});
