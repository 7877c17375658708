import assert from "node:assert/strict";
import { offlineContender } from "../../../../bench/routing/offline_contenders.ts";
import { replayOffline } from "../../../../bench/routing/offline.ts";
import { planReplay, type Replay } from "../../../../bench/routing/replay.ts";
import type { TimedRequest } from "../../../../bench/routing/request.ts";
import { type Scenario, scenarios } from "../../../../bench/routing/scenarios.ts";
import { jobsOf } from "../../../../bench/routing/search/jobs.ts";
import { sumsOf } from "../../../../bench/routing/search/local_search.ts";
import { lookAhead } from "../../../../bench/routing/search/look_ahead.ts";
import { ServerReplay } from "../../../../bench/routing/search/server_replay.ts";
import { engineOptions } from "../../../../bench/routing/servers.ts";
import { VirtualClock } from "../../../../bench/routing/virtual_clock.ts";
import { startVirtualFleet } from "../../../../bench/routing/virtual_fleet.ts";
import { createRandom } from "../../../../src/simulator/random.ts";
import { answerTo } from "../../../../bench/routing/request.ts";

/** Replays an assignment in the simulator's engines. */
function simulate(scenario: Scenario, { requests, endMs }: Replay, assignment: readonly number[]) {
  const clock = new VirtualClock();
  const { servers } = startVirtualFleet(scenario, clock, endMs);
  let [firstTokenMs, perTokenMs, ended] = [0, 0, 0];
  for (const [index, { atMs, prompt, answerTokens }] of requests.entries()) {
    clock.schedule(atMs, () => {
      let firstAtMs: number | undefined;
      servers[assignment[index]!]!.engine!.add({
        ...answerTo(prompt, answerTokens),
        onToken() {
          if (firstAtMs !== undefined) return;
          firstAtMs = clock.now();
          firstTokenMs += firstAtMs - atMs;
        },
        onFinish() {
          ended++;
          perTokenMs += (clock.now() - atMs) / answerTokens;
        },
      });
    });
  }
  clock.runWhile(() => ended < requests.length);
  const preemptions = servers.reduce((sum, { engine }) => sum + engine!.preemptions, 0);
  return { firstTokenMs, perTokenMs, preemptions };
}

const planned = (scenario: Scenario, seconds = 30) =>
  planReplay(scenario, { seed: 5, seconds, arrivals: "poisson" });

const equal = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) < 1e-6 * expected, `${value} is not ${expected}`);

for (const name of ["seats", "half-speed", "agents", "cold", "long", "small-caches"]) {
  Deno.test(`a replay takes as long as in the simulator's engines: ${name}`, () => {
    const scenario = scenarios[name]!;
    const replay = planned(scenario);
    const random = createRandom(1);
    const servers = scenario.servers.length;
    const assignment = replay.requests.map(() => Math.floor(random() * servers));
    const engines = scenario.servers.map((plan) => engineOptions(plan));
    const sums = sumsOf(jobsOf(replay.requests), engines, assignment);
    const { firstTokenMs, perTokenMs } = simulate(scenario, replay, assignment);
    equal(sums.firstTokenMs, firstTokenMs);
    equal(sums.perTokenMs, perTokenMs);
  });
}

Deno.test("a replay takes as long as in the simulator's engines when caches overflow", () => {
  const base = scenarios.agents!;
  const servers = base.servers.map((plan) => ({ ...plan, blocksPerSeat: 160 }));
  const scenario = { ...base, servers, utilisation: 0.9 };
  const replay = planned(scenario, 60);
  // Prompts that fit into one server's cache with their answer.
  const requests = replay.requests.filter(({ prompt }) => prompt.length < 30_000);
  const assignment = requests.map((_, index) => index % 2);
  const engines = servers.map((plan) => engineOptions(plan));
  const sums = sumsOf(jobsOf(requests), engines, assignment);
  const expected = simulate(scenario, { ...replay, requests }, assignment);
  assert.ok(expected.preemptions > 0);
  equal(sums.firstTokenMs, expected.firstTokenMs);
  equal(sums.perTokenMs, expected.perTokenMs);
});

Deno.test("a request finds the same in a replay as in the simulator's engines", () => {
  for (const name of ["long", "small-caches"]) {
    const scenario = scenarios[name]!;
    const replay = planned(scenario);
    const create = offlineContender("perfect");
    assert.ok(typeof create !== "string");
    const servers = new Map<TimedRequest, number>();
    replayOffline(scenario, replay, (surroundings) => {
      const chooser = create(surroundings);
      return {
        choose(request, tried) {
          const choice = chooser.choose(request, tried)!;
          servers.set(request, choice.server);
          return choice;
        },
      };
    }, 1);
    const jobs = jobsOf(replay.requests);
    const greedy = lookAhead(
      jobs,
      scenario.servers,
      replay.answerTokens,
      "firstTokenMs",
      () => false,
    );
    assert.deepEqual(greedy, replay.requests.map((request) => servers.get(request)));
  }
});

Deno.test("a restored replay goes on as it did", () => {
  const scenario = scenarios["small-caches"]!;
  const { requests } = planned(scenario);
  const { all, kinds } = jobsOf(requests);
  const replay = new ServerReplay(engineOptions(scenario.servers[0]!), kinds);
  const half = Math.floor(all.length / 2);
  const rest = () => {
    for (const job of all.slice(half)) replay.add(job);
    replay.advance();
    return replay.sums();
  };
  for (const job of all.slice(0, half)) replay.add(job);
  const state = replay.save();
  const first = rest();
  replay.restore(state);
  assert.deepEqual(rest(), first);
});
