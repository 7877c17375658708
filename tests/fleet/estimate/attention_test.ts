import assert from "node:assert/strict";
import {
  type Fit,
  GROWTHS,
  isFromBeginning,
  NO_FIT,
  plus,
  prefillOf,
  withErrors,
  workOf,
} from "../../../src/fleet/estimate/attention.ts";
import { seeded } from "../../support/random.ts";

Deno.test("tokens after a long cached beginning take as long as their position says", () => {
  const growth = 1 / 4_096;
  assert.equal(workOf(prefillOf(1_000, 1_000), 0), 1_000);
  assert.equal(workOf(prefillOf(4_096, 4_096), growth), 1.5 * 4_096);
  const end = prefillOf(8_192, 100);
  assert.ok(Math.abs(workOf(end, growth) - 3 * 100) < 2);
  assert.deepEqual(plus(end, prefillOf(200, 200)), {
    tokens: 300,
    attended: end.attended + 20_000,
  });
});

Deno.test("only a prompt that is hardly cached is computed from its beginning", () => {
  assert.ok(isFromBeginning(prefillOf(5_000, 5_000)));
  assert.ok(isFromBeginning(prefillOf(5_000, 4_900)));
  assert.ok(!isFromBeginning(prefillOf(5_000, 4_000)));
  assert.ok(isFromBeginning(plus(prefillOf(500, 500), prefillOf(900, 900))), "two in one step");
});

/** The fit after prompts whose times this function gives, predicted by each growth exactly. */
function fitTo(secondsOf: (tokens: number) => number, times: number, noise = 0): Fit {
  const random = seeded(3);
  let fit = NO_FIT;
  for (let i = 0; i < times; i++) {
    const prefill = prefillOf(1_000 + 97 * (i % 80), 1_000 + 97 * (i % 80));
    const predicted = GROWTHS.map((growth) => 4e-4 * workOf(prefill, growth));
    const seconds = secondsOf(prefill.tokens) * (1 + noise * (random() - 0.5));
    fit = withErrors(fit, predicted, seconds, i * 1_000);
  }
  return fit;
}

Deno.test("a growth that matters is found within a few prompts", () => {
  for (const place of [0, 3, 4, 5]) {
    const growth = GROWTHS[place]!;
    const secondsOf = (tokens: number) => 4e-4 * workOf(prefillOf(tokens, tokens), growth);
    assert.equal(fitTo(secondsOf, 40, 0.2).place, place);
  }
});

Deno.test("one prompt with an odd time changes nothing", () => {
  const usual = fitTo((tokens) => 4e-4 * tokens, 20);
  const odd = withErrors(usual, GROWTHS.map((growth) => 1 + 1e4 * growth), 1_000, 21_000);
  const after = withErrors(odd, GROWTHS.map((growth) => 2 + 1e4 * growth), 2, 22_000);
  assert.equal(after.place, 0);
});
