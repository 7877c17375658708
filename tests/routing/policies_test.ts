import assert from "node:assert/strict";
import fc from "fast-check";
import { createPolicy, policyNames } from "../../src/routing/policies.ts";
import type { Candidate } from "../../src/routing/policy.ts";
import { numRuns } from "../support/property.ts";
import { seeded } from "../support/random.ts";

function withLoads(...loads: number[]): Candidate[] {
  return loads.map((load, id) => ({ id, load }));
}

/** How often each id is picked out of `times`. */
function counts(
  name: string,
  candidates: readonly Candidate[],
  times: number,
): number[] {
  const policy = createPolicy(name);
  const random = seeded(7);
  const picked = candidates.map(() => 0);
  for (let i = 0; i < times; i++) picked[policy(candidates, random).id]!++;
  return picked;
}

/** Asserts a count within five standard deviations of a uniform choice. */
function assertFair(counts: readonly number[], times: number): void {
  const share = 1 / counts.length;
  const deviation = Math.sqrt(times * share * (1 - share));
  for (const count of counts) {
    assert.ok(
      Math.abs(count - times * share) < 5 * deviation,
      `${counts} of ${times}`,
    );
  }
}

const loads = fc.array(
  fc.oneof(
    fc.constantFrom(0, 0.25, 0.5, 1),
    fc.double({ min: 0, max: 3, noNaN: true }),
  ),
  { minLength: 1, maxLength: 12 },
);
const seed = fc.integer();

Deno.test("the configuration knows five policies", () => {
  assert.deepEqual([...policyNames].sort(), [
    "least_load",
    "least_work",
    "random",
    "random_below_half",
    "round_robin",
  ]);
});

Deno.test("an unknown policy name is refused", () => {
  for (const name of ["fastest", "", "toString", "constructor"]) {
    assert.throws(() => createPolicy(name), RangeError, name);
  }
});

for (const name of policyNames) {
  Deno.test(`${name} picks one of the candidates`, () => {
    fc.assert(
      fc.property(loads, seed, (loads, seed) => {
        const candidates = withLoads(...loads);
        const picked = createPolicy(name)(candidates, seeded(seed));
        assert.ok(candidates.includes(picked));
      }),
      { numRuns },
    );
  });
}

Deno.test("least_load picks the lowest load", () => {
  const policy = createPolicy("least_load");
  assert.equal(policy(withLoads(0.9, 0.2, 0.4), seeded(1)).id, 1);
  assert.equal(policy(withLoads(2, 1.5, 1.75), seeded(1)).id, 1);
});

Deno.test("least_load never picks a server if another has less load", () => {
  fc.assert(
    fc.property(loads, seed, (loads, seed) => {
      const { load } = createPolicy("least_load")(
        withLoads(...loads),
        seeded(seed),
      );
      assert.equal(load, Math.min(...loads));
    }),
    { numRuns },
  );
});

Deno.test("least_load breaks ties uniformly, and only among the lowest", () => {
  const [a, b, c, d, e] = counts(
    "least_load",
    withLoads(0.25, 0.5, 0.25, 0.25, 0.25),
    8_000,
  );
  assert.equal(b, 0);
  assertFair([a!, c!, d!, e!], 8_000);
});

Deno.test("random picks uniformly, whatever the loads", () => {
  assertFair(counts("random", withLoads(0, 5, 0.5, 1), 8_000), 8_000);
});

Deno.test("round_robin picks each in turn, whatever the loads", () => {
  const policy = createPolicy("round_robin");
  const candidates = withLoads(9, 0, 4);
  const picked = Array.from(
    { length: 7 },
    () => policy(candidates, seeded(1)).id,
  );
  assert.deepEqual(picked, [0, 1, 2, 0, 1, 2, 0]);
});

Deno.test("round_robin instances don't share state", () => {
  const [one, other] = [
    createPolicy("round_robin"),
    createPolicy("round_robin"),
  ];
  const candidates = withLoads(0, 0);
  assert.equal(one(candidates, seeded(1)).id, 0);
  assert.equal(other(candidates, seeded(1)).id, 0);
});

Deno.test("round_robin visits each server once per round, in any listing order", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(100), { minLength: 1, maxLength: 10 }),
      fc.nat(30),
      (ids, before) => {
        const policy = createPolicy("round_robin");
        const candidates = ids.map((id) => ({ id, load: 0 }));
        for (let i = 0; i < before; i++) policy(candidates, Math.random);
        const round = ids.map(() => policy(candidates, Math.random).id);
        assert.deepEqual(
          round.sort((a, b) => a - b),
          [...ids].sort((a, b) => a - b),
        );
      },
    ),
    { numRuns },
  );
});

Deno.test("round_robin visits remaining servers equally while others come and go", () => {
  const always = [3, 5, 8];
  const sometimes = fc.array(
    fc.subarray([1, 4, 6, 9]),
    { minLength: 40, maxLength: 80 },
  );
  fc.assert(
    fc.property(sometimes, (visitors) => {
      const policy = createPolicy("round_robin");
      const visits = new Map(always.map((id) => [id, 0]));
      for (const present of visitors) {
        const candidates = [...always, ...present].map((id) => ({
          id,
          load: 0,
        }));
        const { id } = policy(candidates, Math.random);
        if (visits.has(id)) visits.set(id, visits.get(id)! + 1);
      }
      const counts = [...visits.values()];
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, `${counts}`);
    }),
    { numRuns },
  );
});

Deno.test("random_below_half picks uniformly among servers below 50%", () => {
  const [a, b, c, d] = counts(
    "random_below_half",
    withLoads(0.49, 0.5, 0, 1.2),
    8_000,
  );
  assert.deepEqual([b, d], [0, 0]);
  assertFair([a!, c!], 8_000);
});

Deno.test("random_below_half picks the lowest if none is below 50%", () => {
  const policy = createPolicy("random_below_half");
  assert.equal(policy(withLoads(0.9, 0.5, 0.7), seeded(1)).id, 1);
});

Deno.test("random_below_half picks a server below 50% if any, else a lowest", () => {
  fc.assert(
    fc.property(loads, seed, (loads, seed) => {
      const { load } = createPolicy("random_below_half")(
        withLoads(...loads),
        seeded(seed),
      );
      const least = Math.min(...loads);
      assert.ok(least < 0.5 ? load < 0.5 : load === least);
    }),
    { numRuns },
  );
});
