import assert from "node:assert/strict";
import fc from "fast-check";
import { learnMean, usualMeans } from "../../src/fleet/means.ts";
import { numRuns } from "../support/property.ts";

Deno.test("a mean moves to what is seen, and each alone", () => {
  const means = usualMeans();
  for (let i = 0; i < 1_000; i++) learnMean(means, "answerTokens", 700);
  assert.ok(Math.abs(means.answerTokens - 700) < 1, `${means.answerTokens}`);
  assert.deepEqual({ ...means, answerTokens: 200 }, usualMeans());
});

Deno.test("a mean lies between what it was and what is seen", () => {
  const value = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (values) => {
      const means = usualMeans();
      for (const value of values) learnMean(means, "waitMs", value);
      assert.ok(means.waitMs >= Math.min(500, ...values) * (1 - 1e-9));
      assert.ok(means.waitMs <= Math.max(500, ...values) * (1 + 1e-9));
    }),
    { numRuns },
  );
});
