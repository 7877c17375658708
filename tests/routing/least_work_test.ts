import assert from "node:assert/strict";
import fc from "fast-check";
import { costOf, leastWork } from "../../src/routing/least_work.ts";
import { firstTokenSeconds } from "../../src/routing/policy.ts";
import { createPolicy } from "../../src/routing/policies.ts";
import type { Candidate, Prediction } from "../../src/routing/policy.ts";
import { numRuns } from "../support/property.ts";
import { seeded } from "../support/random.ts";

/** A free server of 10,000 tokens a second, and a prompt of 1,000. */
const FREE: Prediction = {
  pendingTokens: 0,
  pendingWork: 0,
  promptTokens: 1_000,
  knownTokens: 0,
  ownTokens: 1_000,
  ownWork: 1_000,
  secondsPerToken: 1e-4,
  startSeconds: 0.04,
  aheadOfSeat: 0,
  secondsPerSeat: 0.5,
  crowding: 0.1,
};

function candidate(id: number, prediction: Partial<Prediction> = {}, load = 0): Candidate {
  return { id, load, prediction: { ...FREE, ...prediction } };
}

const chosen = (...candidates: Candidate[]) => leastWork()(candidates, seeded(1)).id;

const seconds = fc.double({ min: 0, max: 10, noNaN: true });
const tokens = fc.nat(200_000);
const prediction: fc.Arbitrary<Prediction> = fc.record({
  pendingTokens: tokens,
  pendingWork: tokens,
  promptTokens: tokens,
  knownTokens: tokens,
  ownTokens: tokens,
  ownWork: tokens,
  secondsPerToken: fc.double({ min: 1e-6, max: 0.02, noNaN: true }),
  startSeconds: seconds,
  aheadOfSeat: fc.nat(100),
  secondsPerSeat: seconds,
  crowding: seconds,
});
const load = fc.double({ min: 0, max: 4, noNaN: true });

Deno.test("least_work is chosen by its name", () => {
  const candidates = [candidate(0, { pendingWork: 5_000 }), candidate(1)];
  assert.equal(createPolicy("least_work")(candidates, seeded(1)).id, 1);
});

Deno.test("a first token is expected after all earlier prompts, its own and one step", () => {
  assert.equal(firstTokenSeconds(FREE), 0.04 + 0.1);
  assert.equal(firstTokenSeconds({ ...FREE, pendingWork: 20_000 }), 0.04 + 2.1);
});

Deno.test("waiting for a seat and for other prompts overlaps", () => {
  const full = { ...FREE, pendingWork: 20_000, aheadOfSeat: 3 };
  assert.equal(firstTokenSeconds(full), 0.04 + 2.1);
  assert.equal(firstTokenSeconds({ ...full, aheadOfSeat: 10 }), 0.04 + 5 + 0.1);
});

for (
  const [what, worse, better] of [
    ["fewer prompts before it", { pendingWork: 4_000 }, { pendingWork: 3_000 }],
    ["a faster server", { secondsPerToken: 2e-4 }, {}],
    ["more of its prompt in the cache", {}, { ownWork: 200 }],
    ["a free seat", { aheadOfSeat: 1 }, {}],
    ["a faster queue", { aheadOfSeat: 4 }, { aheadOfSeat: 4, secondsPerSeat: 0.4 }],
    [
      "an empty server above one with the prompt and a long queue",
      { ownWork: 1, pendingWork: 5_000 },
      {},
    ],
    [
      "a busy server with the prompt above an empty one",
      { ownWork: 30_000 },
      { ownWork: 1, pendingWork: 20_000 },
    ],
  ] as const
) {
  Deno.test(`of two servers, least_work takes ${what}`, () => {
    assert.equal(chosen(candidate(0, worse), candidate(1, better)), 1);
    assert.equal(chosen(candidate(0, better), candidate(1, worse)), 0);
  });
}

Deno.test("a server above 50% load has a penalty, smaller than for a long prompt", () => {
  assert.equal(chosen(candidate(0, {}, 0.51), candidate(1, {}, 0.5)), 1);
  assert.equal(chosen(candidate(0, {}, 0.51), candidate(1, { pendingWork: 5_000 }, 0.5)), 0);
});

Deno.test("if one candidate has no prediction, least_work compares load", () => {
  const unknown: Candidate = { id: 1, load: 0.2 };
  assert.equal(chosen(candidate(0, {}, 0.3), unknown), 1);
  assert.equal(chosen(candidate(0, { pendingWork: 1e6 }, 0.1), unknown), 0);
});

Deno.test("more work never lowers the cost", () => {
  const grows = [
    "pendingWork",
    "ownWork",
    "secondsPerToken",
    "startSeconds",
    "aheadOfSeat",
    "secondsPerSeat",
    "crowding",
  ] as const;
  fc.assert(
    fc.property(
      prediction,
      load,
      fc.constantFrom(...grows),
      seconds,
      (prediction, load, what, more) => {
        const worse = { ...prediction, [what]: prediction[what] + more };
        assert.ok(costOf(worse, load) >= costOf(prediction, load));
        assert.ok(costOf(prediction, load + more) >= costOf(prediction, load));
        assert.ok(firstTokenSeconds(worse) >= firstTokenSeconds(prediction));
      },
    ),
    { numRuns },
  );
});

Deno.test("least_work picks a lowest cost and doesn't modify its input", () => {
  const candidates = fc.array(fc.record({ load, prediction }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(candidates, fc.integer(), (given, seed) => {
      const candidates = given.map((candidate, id) => Object.freeze({ id, ...candidate }));
      for (const { prediction } of candidates) Object.freeze(prediction);
      const costs = candidates.map(({ prediction, load }) => costOf(prediction, load));
      const picked = leastWork()(Object.freeze(candidates), seeded(seed));
      assert.equal(costs[picked.id], Math.min(...costs));
      assert.equal(leastWork()(candidates, seeded(seed)), picked, "the same for the same");
    }),
    { numRuns },
  );
});

Deno.test("equal servers are picked equally often", () => {
  const candidates = [0, 1, 2, 3, 4].map((id) => candidate(id));
  const counts = candidates.map(() => 0);
  const random = seeded(3);
  const policy = leastWork();
  for (let i = 0; i < 10_000; i++) counts[policy(candidates, random).id]!++;
  // Five standard deviations of a uniform choice.
  for (const count of counts) assert.ok(Math.abs(count - 2_000) < 5 * 40, `${counts}`);
});
