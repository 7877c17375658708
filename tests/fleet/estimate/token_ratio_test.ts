import assert from "node:assert/strict";
import fc from "fast-check";
import {
  createTokenRatios,
  tokensPerByte,
  USUAL_RATIO,
  withSeen,
} from "../../../src/fleet/estimate/token_ratio.ts";
import { numRuns } from "../../support/property.ts";

function after(prompts: number, bytes: number, perByte: number, ratio = USUAL_RATIO) {
  for (let i = 0; i < prompts; i++) ratio = withSeen(ratio, bytes, bytes * perByte);
  return ratio;
}

const isNear = (value: number, aim: number, share: number) =>
  assert.ok(Math.abs(value - aim) <= share * aim, `${value} is to be about ${aim}`);

Deno.test("without observations, four bytes are a token", () => {
  assert.equal(tokensPerByte(USUAL_RATIO), 0.25);
});

Deno.test("a short prompt barely moves the ratio, a few long ones determine it", () => {
  isNear(tokensPerByte(after(1, 200, 0.5)), 0.25, 0.05);
  isNear(tokensPerByte(after(1, 8_000, 0.5)), 0.42, 0.02);
  isNear(tokensPerByte(after(5, 8_000, 0.5)), 0.5, 0.05);
});

Deno.test("a different tokenizer's ratio is learned after a few hundred prompts", () => {
  const old = after(1_000, 10_000, 0.25);
  isNear(tokensPerByte(after(600, 10_000, 0.6, old)), 0.6, 0.05);
});

Deno.test("a prompt with an implausible ratio is ignored", () => {
  isNear(tokensPerByte(after(1_000, 500, 40)), 0.25, 1e-9);
  isNear(tokensPerByte(after(1_000, 500_000, 0.001)), 0.25, 1e-9);
});

Deno.test("a prompt as large as the memory replaces it", () => {
  isNear(tokensPerByte(withSeen(USUAL_RATIO, 5_000_000, 2_000_000)), 0.4, 1e-9);
});

Deno.test("the ratio stays within its bounds, whatever servers report", () => {
  const seen = fc.tuple(fc.integer({ min: 1, max: 50_000_000 }), fc.nat(50_000_000));
  fc.assert(
    fc.property(fc.array(seen, { maxLength: 50 }), (all) => {
      let ratio = USUAL_RATIO;
      for (const [bytes, tokens] of all) {
        ratio = withSeen(ratio, bytes, tokens);
        const perByte = tokensPerByte(ratio);
        assert.ok(perByte >= 0.02 - 1e-9 && perByte <= 2 + 1e-9, `${perByte}`);
      }
    }),
    { numRuns },
  );
});

Deno.test("the ratio converges, whatever the prompts' lengths", () => {
  const perByte = fc.double({ min: 0.05, max: 1.5, noNaN: true });
  const lengths = fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 20, maxLength: 60 });
  fc.assert(
    fc.property(perByte, lengths, (perByte, lengths) => {
      let ratio = USUAL_RATIO;
      let missed = Math.abs(0.25 - perByte);
      for (const bytes of lengths) {
        ratio = withSeen(ratio, bytes, bytes * perByte);
        const misses = Math.abs(tokensPerByte(ratio) - perByte);
        assert.ok(misses <= missed + 1e-9, "each prompt brings it nearer");
        missed = misses;
      }
    }),
    { numRuns },
  );
});

Deno.test("each model has its own ratio; the least recently updated are evicted", () => {
  const ratios = createTokenRatios(3);
  for (const model of ["a", "b", undefined, "a"]) ratios.learn(model, 1_000_000, 500_000);
  assert.deepEqual([...ratios.learned().keys()], ["b", "a"], "a request without a model has none");
  isNear(ratios.learned().get("a")!, 0.5, 0.02);
  assert.equal(ratios.of("c"), USUAL_RATIO);
  ratios.learn("c", 1_000, 500);
  assert.deepEqual([...ratios.learned().keys()], ["a", "c"]);
  assert.equal(ratios.of("b"), USUAL_RATIO);
  assert.notEqual(ratios.of(undefined), USUAL_RATIO);
});
