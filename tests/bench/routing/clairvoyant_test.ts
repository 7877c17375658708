import assert from "node:assert/strict";
import { replayClairvoyantly } from "../../../bench/routing/clairvoyant.ts";
import { replayOffline } from "../../../bench/routing/offline.ts";
import { offlineContender } from "../../../bench/routing/offline_contenders.ts";
import { planReplay } from "../../../bench/routing/replay.ts";
import { summaryOf } from "../../../bench/routing/sample.ts";
import { scenarios } from "../../../bench/routing/scenarios.ts";

const LIMITS = { moves: 100, seconds: 600 };

function run(name: string, target: "firstTokenMs" | "perTokenMs", limits = LIMITS) {
  const scenario = scenarios[name]!;
  const replay = planReplay(scenario, { seed: 1, seconds: 30, arrivals: "poisson" });
  const told: string[] = [];
  const outcomes = replayClairvoyantly(scenario, replay, 1, target, limits, (line) => {
    told.push(line);
  });
  const others = ["perfect", "least_work"].map((contender) => {
    const create = offlineContender(contender);
    assert.ok(typeof create !== "string");
    return summaryOf(replayOffline(scenario, replay, create, 1));
  });
  return { outcomes, summary: summaryOf(outcomes), others, told };
}

for (const name of ["seats", "two-routers", "cold", "restart"]) {
  Deno.test(`knowing the arrivals to come is never worse than perfect information: ${name}`, () => {
    const first = run(name, "firstTokenMs");
    for (const { firstToken } of first.others) {
      assert.ok(first.summary.firstToken.mean <= firstToken.mean);
    }
    const second = run(name, "perTokenMs");
    for (const { perToken } of second.others) {
      assert.ok(second.summary.perToken.mean <= perToken.mean);
    }
  });
}

Deno.test("knowing the arrivals to come is better where prompts differ", () => {
  const { summary, others: [perfect] } = run("long", "firstTokenMs");
  assert.ok(summary.firstToken.mean < 0.97 * perfect!.firstToken.mean);
});

Deno.test("the same seed and moves give the same result, and a line says how far it got", () => {
  const [once, again] = [run("cold", "firstTokenMs"), run("cold", "firstTokenMs")];
  assert.deepEqual(once.outcomes, again.outcomes);
  assert.match(
    once.told.join(),
    /^perfect [\d.]+ ms, least_work [\d.]+ ms, look-ahead [\d.]+ ms, local search [\d.]+ ms; 100 of 100 moves$/,
  );
  const late = run("cold", "firstTokenMs", { moves: 100, seconds: 1e-9 });
  assert.match(late.told.join(), /; 0 of 100 moves, and not all looked ahead for, in 1e-9 s$/);
});
