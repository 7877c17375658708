import assert from "node:assert/strict";
import { ask, inFlight, startFleet } from "../support/fleet.ts";
import { until } from "../support/until.ts";

Deno.test("after 1,000 requests, a third of them aborted, every place is released exactly once", async () => {
  await using fleet = await startFleet({
    servers: [{ maxNumSeqs: 64, capacity: 64 }, {
      maxNumSeqs: 64,
      capacity: 64,
    }],
  });
  let answered = 0;
  let left = 0;

  async function client(index: number): Promise<void> {
    const leaves = index % 3 === 0;
    const signal = new AbortController();
    try {
      const response = await ask(fleet.router.url, {
        tokens: leaves ? 10_000 : 5,
        stream: index % 2 === 0,
        signal: signal.signal,
        content: `Question ${index}`,
      });
      if (leaves && response.body) {
        await response.body.getReader().read();
        throw signal.abort();
      }
      assert.equal(response.status, 200);
      await response.text();
      answered++;
    } catch (error) {
      if (!leaves) throw error;
      left++;
    }
  }
  /** Clients of non-streamed answers disconnect before the head. */
  async function impatientClient(index: number): Promise<void> {
    const signal = new AbortController();
    const response = ask(fleet.router.url, {
      tokens: 10_000,
      signal: signal.signal,
    });
    setTimeout(() => signal.abort(), index % 7);
    await assert.rejects(response);
    left++;
  }

  let next = 0;
  const worker = async () => {
    while (next < 1000) {
      const index = next++;
      await (index % 3 === 0 && index % 2 === 1 ? impatientClient(index) : client(index));
    }
  };
  await Promise.all(Array.from({ length: 50 }, worker));

  assert.equal(answered, 666);
  assert.equal(left, 334);
  await until(
    "nothing is in flight at the router",
    () => inFlight(fleet.router) === 0,
  );
  await until(
    "nothing runs at the servers",
    () =>
      fleet.simulators.every((simulator) =>
        simulator.state().running + simulator.state().waiting === 0
      ),
  );
  const states = fleet.simulators.map((simulator) => simulator.state());
  assert.equal(states.reduce((sum, { finished }) => sum + finished, 0), 666);
  assert.ok(
    fleet.router.fleet.snapshot().servers.every(({ state }) => state === "healthy"),
    "nobody blamed",
  );
});
