import assert from "node:assert/strict";
import { ask, inFlight, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

Deno.test("a burst of 200 concurrent requests spreads within one of the ideal over capacities 3, 5 and 4", async () => {
  const capacities = [3, 5, 4];
  // None has ended before the last is sent, however slow the machine is.
  await using fleet = await startFleet({
    servers: capacities.map((capacity) => ({ capacity, maxNumSeqs: 256, speed: 1 })),
  });
  const leaving = new AbortController();
  const burst = Array.from(
    { length: 200 },
    () => ask(fleet.router.url, { tokens: 2_000, stream: true, signal: leaving.signal }),
  );
  for (const response of await Promise.all(burst)) assert.equal(response.status, 200);
  leaving.abort();
  for (const [i, simulator] of fleet.simulators.entries()) {
    const ideal = 200 * capacities[i]! / 12;
    const { received } = simulator.state();
    assert.ok(
      Math.abs(received - ideal) <= 1,
      `capacity ${capacities[i]} got ${received} of ideally ${ideal}`,
    );
  }
  await until("all have left", () => inFlight(fleet.router) === 0);
});

Deno.test("load from other clients of a server counts against it", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, maxNumSeqs: 64 }, { speed: 1, maxNumSeqs: 64 }],
  });
  const [busy, idle] = fleet.simulators;
  const others = new AbortController();
  const direct = await Promise.all(
    Array.from(
      { length: 8 },
      () => ask(busy!.url, { tokens: 1000, stream: true, signal: others.signal }),
    ),
  );
  await until(
    "the router has seen them",
    () => fleet.router.fleet.snapshot().servers[0]!.running === 8,
  );
  const routed = await Promise.all(
    Array.from({ length: 6 }, () => ask(fleet.router.url)),
  );
  assert.ok(routed.every(({ status }) => status === 200));
  await Promise.all(routed.map((response) => response.text()));
  assert.equal(busy!.state().received, 8);
  assert.equal(idle!.state().received, 6);
  others.abort();
  await Promise.all(
    direct.map((response) => response.body!.cancel().catch(() => {})),
  );
});
