import assert from "node:assert/strict";
import { type Job, type Jobs, jobsOf } from "../../../../bench/routing/search/jobs.ts";
import { improve, sumsOf } from "../../../../bench/routing/search/local_search.ts";
import { lookAhead } from "../../../../bench/routing/search/look_ahead.ts";
import type { Sums } from "../../../../bench/routing/search/server_replay.ts";
import { engineOptions } from "../../../../bench/routing/servers.ts";
import { planReplay } from "../../../../bench/routing/replay.ts";
import { scenarios } from "../../../../bench/routing/scenarios.ts";
import { createRandom } from "../../../../src/simulator/random.ts";

const PLANS = [{ seats: 2, speed: 1 }, { seats: 1, speed: 0.5 }];
const ENGINES = PLANS.map((plan) => engineOptions(plan));
const forever = () => true;

/** Draws a few requests that share beginnings and come faster than they are served. */
function fewJobs(seed: number, count: number): Jobs {
  const random = createRandom(seed);
  const all = Array.from({ length: count }, (_, index): Job => {
    const shared = Math.floor(random() * 3) * 100;
    const blocks = 200 + Math.floor(random() * 200);
    const contents = Int32Array.from(
      { length: blocks },
      (_, block) => block < 150 ? shared + 1000 * block : 200_000 + 1000 * index + block,
    );
    const answerTokens = 1 + Math.floor(random() * 20);
    const promptTokens = blocks * 16 - answerTokens;
    return { atMs: index * 150 + random() * 100, promptTokens, answerTokens, contents };
  });
  return { all, kinds: 300_000 };
}

/** Returns the lowest sum of all assignments. */
function lowest(jobs: Jobs, target: keyof Sums): number {
  const count = jobs.all.length;
  let least = Infinity;
  for (let code = 0; code < 2 ** count; code++) {
    const assignment = Array.from({ length: count }, (_, index) => (code >> index) & 1);
    least = Math.min(least, sumsOf(jobs, ENGINES, assignment)[target]);
  }
  return least;
}

for (const target of ["firstTokenMs", "perTokenMs"] as const) {
  Deno.test(`finds the best of all assignments of a few requests: ${target}`, () => {
    for (const seed of [1, 2, 3]) {
      const jobs = fewJobs(seed, 7);
      const start = lookAhead(jobs, PLANS, 10, target, forever);
      const { assignment, tried } = improve(jobs, ENGINES, start, {
        target,
        random: createRandom(seed),
        moves: 2000,
        mayGoOn: forever,
      });
      assert.equal(tried, 2000);
      const found = sumsOf(jobs, ENGINES, assignment)[target];
      const best = lowest(jobs, target);
      assert.ok(found <= best * (1 + 1e-9), `seed ${seed}: ${found} instead of ${best}`);
    }
  });
}

Deno.test("the result is at least as good as the start, and better with more moves", () => {
  const { requests } = planReplay(scenarios.cold!, { seed: 1, seconds: 60, arrivals: "poisson" });
  const jobs = jobsOf(requests);
  const engines = scenarios.cold!.servers.map((plan) => engineOptions(plan));
  const start = requests.map((_, index) => index % engines.length);
  const after = (moves: number) =>
    improve(jobs, engines, start, {
      target: "firstTokenMs",
      random: createRandom(1),
      moves,
      mayGoOn: forever,
    }).assignment;
  const sums = [0, 50, 200].map((moves) => sumsOf(jobs, engines, after(moves)).firstTokenMs);
  assert.deepEqual(after(0), start);
  assert.ok(sums[1]! < sums[0]! && sums[2]! < sums[1]!, sums.join(" "));
  assert.deepEqual(after(200), after(200));
});

Deno.test("a search ends when it has no more time", () => {
  const jobs = fewJobs(1, 7);
  let left = 5;
  const start = jobs.all.map(() => 0);
  const found = improve(jobs, ENGINES, start, {
    target: "firstTokenMs",
    random: createRandom(1),
    moves: 100,
    mayGoOn: () => left-- > 0,
  });
  assert.equal(found.tried, 5);
});
