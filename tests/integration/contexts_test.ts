import assert from "node:assert/strict";
import { ask, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

// Servers of one model with different --max-model-len (issue 18).

const SERVERS = [{ maxModelLen: 256 }, { maxModelLen: 256 }, { maxModelLen: 4096 }];
/** About 500 tokens. */
const LONG = "one word after the other ".repeat(100);
const HUGE = LONG.repeat(20);

Deno.test("a prompt that only one server holds is answered by it, whichever was asked first", async () => {
  for (const policy of ["least_work", "round_robin"]) {
    await using fleet = await startFleet({ servers: SERVERS, settings: { policy } });
    for (let i = 0; i < 6; i++) {
      const response = await ask(fleet.router.url, { content: LONG, stream: i % 2 > 0 });
      assert.equal(response.status, 200, await response.text());
    }
    const { servers } = fleet.router.fleet.snapshot();
    assert.deepEqual(servers.map(({ consecutiveFailures }) => consecutiveFailures), [0, 0, 0]);
  }
});

Deno.test("once the length of tokens is known, a long prompt goes at once to a server that holds it", async () => {
  await using fleet = await startFleet({ servers: SERVERS });
  for (let i = 0; i < 10; i++) await (await ask(fleet.router.url, { content: LONG })).text();
  const received = fleet.simulators.map((simulator) => simulator.state().received);
  for (let i = 0; i < 5; i++) await (await ask(fleet.router.url, { content: LONG })).text();
  await until(
    "the last is counted",
    () => fleet.simulators[2]!.state().received >= received[2]! + 5,
  );
  assert.equal(fleet.simulators[0]!.state().received, received[0]);
  assert.equal(fleet.simulators[1]!.state().received, received[1]);
});

Deno.test("a prompt that no server holds gets the error of the one that holds most", async () => {
  await using fleet = await startFleet({ servers: SERVERS, settings: { policy: "round_robin" } });
  for (let i = 0; i < 3; i++) {
    const response = await ask(fleet.router.url, { content: HUGE });
    assert.equal(response.status, 400);
    assert.match((await response.json()).error.message, /409\d/);
  }
});

Deno.test("a limit of tokens that only one server holds is no error either", async () => {
  await using fleet = await startFleet({ servers: SERVERS, settings: { policy: "round_robin" } });
  for (let i = 0; i < 3; i++) {
    const response = await ask(fleet.router.url, { content: "Hello", tokens: 300 });
    assert.equal(response.status, 200, await response.text());
  }
});
