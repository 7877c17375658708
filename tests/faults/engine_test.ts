import assert from "node:assert/strict";
import { ask, eventsOf, inFlight, MODEL, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

// The rows of the table in docs/reliability.md about engines and what they report.

Deno.test("/health answers 200 while the engine hangs: requests without a first token move on, no new ones arrive; the server is stalled until its counters move", async () => {
  await using fleet = await startFleet({
    servers: [{ speed: 1, interTokenMs: 20, capacity: 100 }, { speed: 5, capacity: 1 }],
    // The stream that is under way is ended once the engine has been stalled for as long again.
    settings: { policy: "round_robin", stall_timeout: 2, health_check_interval: 60 },
  });
  const { router, simulators: [hung, well] } = fleet;
  const state = () => router.fleet.snapshot().servers[0]!.state;
  const streaming = await ask(router.url, { stream: true, tokens: 200 });
  const reader = streaming.body!.getReader();
  await reader.read();
  await until("the page shows it running", () => router.fleet.servers[0]!.scrape?.running === 1);
  await (await ask(router.url)).body?.cancel();
  await hung!.setFault({ kind: "stalled" });

  // The server is chosen: the request waits for a first token there.
  const waiting = ask(router.url, { stream: true });
  await until("it waits", () => hung!.state().received === 2);
  await until("the server is stalled", () => state() === "stalled");
  assert.equal(eventsOf(await (await waiting).text()).at(-1), "[DONE]", "another server answered");

  for (let i = 0; i < 4; i++) await (await ask(router.url)).body?.cancel();
  assert.equal(hung!.state().received, 2, "nothing new arrives");
  assert.ok(well!.state().received >= 5);
  assert.equal(router.fleet.snapshot().servers[0]!.consecutiveFailures, 0);
  assert.match(router.fleet.snapshot().servers[0]!.reason, /is stalled/);

  await hung!.setFault(null);
  await until("the server is back", () => state() === "healthy");
  let rest = 0;
  while (!(await reader.read()).done) rest++;
  assert.ok(rest > 50, "the stream that was under way goes on to its end");
  await until("nothing is in flight", () => inFlight(router) === 0);
});

for (
  const kind of ["metrics_hang", "metrics_garbage", "metrics_missing", "metrics_404"] as const
) {
  Deno.test(`${kind}: clients notice nothing, and load is estimated from in-flight requests alone`, async () => {
    await using fleet = await startFleet({
      servers: [{ fault: { kind }, speed: 1 }, { fault: { kind }, speed: 1 }],
      settings: { policy: "least_load", health_check_timeout: 0.2 },
    });
    const open = await Promise.all(
      Array.from({ length: 8 }, () => ask(fleet.router.url, { stream: true, tokens: 30 })),
    );
    const running = fleet.router.fleet.snapshot().servers.map(({ inFlight }) => inFlight);
    assert.deepEqual(running, [4, 4]);
    for (const response of open) assert.equal(eventsOf(await response.text()).at(-1), "[DONE]");
    const states = fleet.router.fleet.snapshot().servers.map(({ state }) => state);
    assert.deepEqual(states, ["healthy", "healthy"]);
  });
}

Deno.test("a sleeping server: another server's answer; it is not chosen", async () => {
  await using fleet = await startFleet({
    servers: [{ fault: { kind: "sleeping" }, capacity: 100 }, { capacity: 1 }],
    settings: { policy: "round_robin" },
  });
  const state = () => fleet.router.fleet.snapshot().servers[0]!.state;
  // Not known before its first scrape.
  await (await ask(fleet.router.url)).body?.cancel();
  await until("it is known to sleep", () => state() === "sleeping");
  const before = fleet.simulators[0]!.state().received;
  for (let i = 0; i < 4; i++) {
    const answer = await ask(fleet.router.url);
    assert.equal(answer.status, 200);
    await answer.body?.cancel();
  }
  assert.equal(fleet.simulators[0]!.state().received, before);
});

Deno.test("no healthy server: an immediate 503 with Retry-After in OpenAI's shape", async () => {
  await using fleet = await startFleet({
    servers: [{}, {}],
    settings: { failure_threshold: 1, health_check_interval: 60, request_timeout: 60 },
  });
  for (const simulator of fleet.simulators) await simulator.setFault({ kind: "refuse" });
  await (await ask(fleet.router.url)).body?.cancel();
  const started = performance.now();
  const response = await ask(fleet.router.url);
  assert.ok(performance.now() - started < 30_000, "long before request_timeout");
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "2");
  const { error } = await response.json();
  assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
  assert.deepEqual([error.type, error.code], ["service_unavailable", "no_server_available"]);
  assert.match(error.message, new RegExp(`model \`${MODEL}\``));
});
