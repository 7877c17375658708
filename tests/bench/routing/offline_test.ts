import assert from "node:assert/strict";
import type { Chooser, Surroundings } from "../../../bench/routing/chooser.ts";
import { replayOffline } from "../../../bench/routing/offline.ts";
import { median } from "../../../bench/support/statistics.ts";
import { offlineContender } from "../../../bench/routing/offline_contenders.ts";
import { planReplay } from "../../../bench/routing/replay.ts";
import { type Outcomes, summaryOf } from "../../../bench/routing/sample.ts";
import { type Scenario, scenarios } from "../../../bench/routing/scenarios.ts";

const SECONDS = 60;

const planned = (scenario: Scenario) =>
  planReplay(scenario, { seed: 1, seconds: SECONDS, arrivals: "poisson" });

function createdBy(contender: string) {
  const create = offlineContender(contender);
  assert.ok(typeof create !== "string");
  return create;
}

function run(scenario: Scenario, contender: string): Outcomes {
  return replayOffline(scenario, planned(scenario), createdBy(contender), 1);
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
  for (const contender of ["least_load", "least_work"]) {
    assert.deepEqual(run(scenarios.seats!, contender), run(scenarios.seats!, contender));
  }
});

for (
  const [name, most] of [["seats", 0.97], ["half-speed", 0.9], ["agents", 0.6], [
    "flood",
    0.85,
  ]] as const
) {
  Deno.test(`choosing by work is near perfect information and better than counting: ${name}`, () => {
    const scenario = scenarios[name]!;
    const ratios = [1, 2, 3].map((seed) => {
      const replay = planReplay(scenario, { seed, seconds: 120, arrivals: "poisson" });
      const [work, perfect, nginx] = ["least_work", "perfect", "nginx"].map((contender) =>
        meanOf(replayOffline(scenario, replay, createdBy(contender), seed))
      );
      return { perfect: work! / perfect!, nginx: work! / nginx! };
    });
    const middle = (of: (ratio: (typeof ratios)[number]) => number) => median(ratios.map(of));
    assert.ok(middle(({ perfect }) => perfect) < 1.25, JSON.stringify(ratios));
    assert.ok(middle(({ nginx }) => nginx) < most, JSON.stringify(ratios));
  });
}

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
  for (const contender of ["least_load", "least_work"]) {
    const { samples, failed } = run(scenarios.restart!, contender);
    const { requests } = planned(scenarios.restart!);
    assert.equal(samples.length + failed, requests.length);
    assert.ok(failed > 0 && failed <= 16, `${failed}`);
  }
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
