import assert from "node:assert/strict";
import { createPlan, PHASES } from "../../../bench/chaos/plan.ts";
import { createSchedule } from "../../../bench/chaos/schedule.ts";

const OPTIONS = { seed: 7, seconds: 60, servers: 5 };
const ALL = { ...OPTIONS, only: undefined };

Deno.test("a plan begins with the schedule of its seed, and its parts follow one another", () => {
  const { strikes, allOut } = createSchedule(OPTIONS);
  const plan = createPlan(ALL);
  assert.deepEqual(plan.strikes.slice(0, strikes.length), strikes);
  assert.deepEqual(plan.allOut, allOut);
  assert.deepEqual(plan.phases.map(({ name }) => name), [...PHASES]);
  plan.phases.forEach(({ from }, index) => assert.equal(from, plan.phases[index - 1]?.to ?? 0));
  assert.deepEqual(createPlan(ALL), plan);
});

Deno.test("a part can be run alone", () => {
  for (const only of PHASES) {
    const { phases } = createPlan({ ...OPTIONS, only });
    assert.deepEqual(phases.map(({ name, from }) => [name, from]), [[only, 0]]);
  }
});

Deno.test("an update replaces every server by SIGTERM and its successor by SIGKILL, one at a time", () => {
  const { strikes, routerStrikes } = createPlan({ ...OPTIONS, only: "update" });
  assert.deepEqual(strikes.map(({ server }) => server), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const ways = strikes.map(({ trouble }) => trouble.kind === "replaced" && trouble.how);
  assert.deepEqual(new Set(ways.slice(0, 5)), new Set(["abort", "error", "silence", "drain"]));
  assert.deepEqual(new Set(ways.slice(5)), new Set(["kill"]));
  strikes.forEach(({ from }, index) => assert.ok(index === 0 || from > strikes[index - 1]!.to));
  assert.deepEqual(routerStrikes.map(({ router }) => router), [0, 1, 0, 1]);
  for (const { from } of routerStrikes) {
    assert.ok(strikes.some((strike) => strike.from > from), "servers are replaced after it");
  }
});

Deno.test("peers get into each trouble once, and the servers are sound meanwhile", () => {
  const { strikes, routerStrikes, faultFree, phases: [phase] } = createPlan({
    ...OPTIONS,
    only: "peers",
  });
  assert.deepEqual(strikes, []);
  const kinds = routerStrikes.map(({ trouble }) => trouble.kind);
  assert.equal(new Set(kinds).size, kinds.length);
  assert.equal(faultFree.length, OPTIONS.servers);
  for (const { to } of [...routerStrikes, ...faultFree]) assert.ok(to <= phase!.to);
});
