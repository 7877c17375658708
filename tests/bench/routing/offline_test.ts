import assert from "node:assert/strict";
import type { Chooser, Surroundings } from "../../../bench/routing/chooser.ts";
import { replayOffline } from "../../../bench/routing/offline.ts";
import { offlineContender } from "../../../bench/routing/offline_contenders.ts";
import { planReplay } from "../../../bench/routing/replay.ts";
import { type Outcomes, summaryOf } from "../../../bench/routing/sample.ts";
import { type Scenario, scenarios } from "../../../bench/routing/scenarios.ts";

const SECONDS = 60;

const planned = (scenario: Scenario) =>
  planReplay(scenario, { seed: 1, seconds: SECONDS, arrivals: "poisson" });

function run(scenario: Scenario, contender: string): Outcomes {
  const create = offlineContender(contender);
  assert.ok(typeof create !== "string");
  return replayOffline(scenario, planned(scenario), create, 1);
}

const meanOf = (outcomes: Outcomes) => summaryOf(outcomes).firstToken.mean;

Deno.test("every request is answered, and a first token comes before the end", () => {
  for (const contender of ["least_load", "nginx", "perfect"]) {
    const { samples, failed } = run(scenarios["two-routers"]!, contender);
    assert.equal(failed, 0);
    assert.equal(samples.length, planned(scenarios["two-routers"]!).requests.length);
    assert.ok(samples.every((each) => each.firstTokenMs > 0 && each.totalMs >= each.firstTokenMs));
  }
});

Deno.test("the same seed gives the same figures", () => {
  assert.deepEqual(run(scenarios.seats!, "least_load"), run(scenarios.seats!, "least_load"));
});

Deno.test("perfect information does better than a head count, and that better than none", () => {
  const [perfect, counted, blind] = ["perfect", "nginx", "round_robin"]
    .map((contender) => meanOf(run(scenarios.flood!, contender)));
  assert.ok(perfect! < counted! && counted! < blind!, `${perfect} ${counted} ${blind}`);
});

Deno.test("perfect information finds prefixes", () => {
  const [perfect, counted] = ["perfect", "nginx"]
    .map((contender) => run(scenarios.agents!, contender).hitRate);
  assert.ok(perfect! > counted! + 0.05, `${perfect} ${counted}`);
});

Deno.test("a restart loses only what had begun, and the server takes requests again", () => {
  const { samples, failed } = run(scenarios.restart!, "least_load");
  const { requests } = planned(scenarios.restart!);
  assert.equal(samples.length + failed, requests.length);
  assert.ok(failed > 0 && failed <= 16, `${failed}`);
});

Deno.test("a chooser hears of each first token and each end once", () => {
  const heard = { chosen: 0, firstTokens: 0, ends: 0 };
  const counting = ({ servers }: Surroundings): Chooser => ({
    choose() {
      const server = heard.chosen++ % servers.length;
      return {
        server,
        firstToken: () => heard.firstTokens++,
        end: () => heard.ends++,
      };
    },
  });
  const count = planned(scenarios.seats!).requests.length;
  replayOffline(scenarios.seats!, planned(scenarios.seats!), counting, 1);
  assert.deepEqual(heard, { chosen: count, firstTokens: count, ends: count });
});
