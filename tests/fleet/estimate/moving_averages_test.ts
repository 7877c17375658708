import assert from "node:assert/strict";
import fc from "fast-check";
import { addSample, initialAverages } from "../../../src/fleet/estimate/moving_averages.ts";
import { numRuns } from "../../support/property.ts";

Deno.test("each average moves towards its samples independently", () => {
  const means = initialAverages();
  for (let i = 0; i < 1_000; i++) addSample(means, "answerTokens", 700);
  assert.ok(Math.abs(means.answerTokens - 700) < 1, `${means.answerTokens}`);
  const { counts, ...others } = initialAverages();
  assert.deepEqual(means, {
    ...others,
    counts: { ...counts, answerTokens: 1_000 },
    answerTokens: means.answerTokens,
  });
});

Deno.test("an average stays between its old value and the sample", () => {
  const value = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1 }), (values) => {
      const means = initialAverages();
      for (const value of values) addSample(means, "waitMs", value);
      assert.ok(means.waitMs >= Math.min(500, ...values) * (1 - 1e-9));
      assert.ok(means.waitMs <= Math.max(500, ...values) * (1 + 1e-9));
    }),
    { numRuns },
  );
});

Deno.test("the first samples outweigh the initial guess", () => {
  const means = initialAverages();
  for (let i = 0; i < 4; i++) addSample(means, "answerTokens", 20);
  assert.ok(means.answerTokens < 60, `${means.answerTokens}`);
});
