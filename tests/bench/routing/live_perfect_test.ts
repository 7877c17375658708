import assert from "node:assert/strict";
import { livePerfect } from "../../../bench/routing/live_perfect.ts";
import { startLiveFleet } from "../../../bench/routing/live_fleet.ts";
import { planReplay } from "../../../bench/routing/replay.ts";
import { scenarios } from "../../../bench/routing/scenarios.ts";

Deno.test("what was sent and has not arrived counts, whatever a server received before", async () => {
  const scenario = scenarios["no-metrics"]!;
  await using fleet = await startLiveFleet(scenario, 20);
  const { requests: [request] } = planReplay(scenario, {
    seed: 1,
    seconds: 20,
    arrivals: "poisson",
  });
  for (const { port } of fleet.servers) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
      method: "POST",
      body: request!.body as Uint8Array<ArrayBuffer>,
    });
    await answer.text();
  }
  const perfect = livePerfect(fleet.servers, 100, 20);
  const [first, second] = [1, 2].map(() => perfect.choose(request!, new Set()));
  assert.notEqual(first, second);
});
