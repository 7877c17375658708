import assert from "node:assert/strict";
import { replayLive } from "../../../bench/routing/live.ts";
import { planReplay } from "../../../bench/routing/replay.ts";
import { type Scenario, scenarios } from "../../../bench/routing/scenarios.ts";

const TIME_SCALE = 20;

function run(scenario: Scenario, seconds: number) {
  const replay = planReplay(scenario, { seed: 1, seconds, arrivals: "poisson" });
  return replayLive(scenario, replay, undefined, TIME_SCALE)
    .then((outcomes) => ({ ...outcomes, asked: replay.requests.length }));
}

Deno.test("over sockets, perfect information has every request answered", async () => {
  const { samples, failed, asked, effort } = await run(scenarios.seats!, 20);
  assert.deepEqual([samples.length, failed], [asked, 0]);
  assert.ok(samples.every((each) => each.firstTokenMs > 0 && each.totalMs >= each.firstTokenMs));
  assert.ok(effort!.loadCores > 0);
});

Deno.test("over sockets, a server leaves and comes back", async () => {
  const { samples, failed, asked } = await run({ ...scenarios.seats!, restart: true }, 40);
  assert.equal(samples.length + failed, asked);
  assert.ok(failed <= 16, `${failed}`);
});
