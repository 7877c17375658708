import assert from "node:assert/strict";
import { GROWTHS, prefillOf } from "../../../src/fleet/estimate/attention.ts";
import {
  latencyModelOf,
  NOTHING_SEEN,
  type Seen,
  withDecode,
  withPrefill,
} from "../../../src/fleet/estimate/latency_model.ts";
import {
  paceShape,
  restoredPace,
  savedFleetPace,
  savedPace,
} from "../../../src/fleet/estimate/saved_paces.ts";

const isNear = (value: number, aim: number, share: number) =>
  assert.ok(Math.abs(value - aim) <= share * aim, `${value} is to be about ${aim}`);

/** Observations of a server that computes prompts at this pace, each once. */
function seenAt(perToken: number, step: number, now: number, growth = 0): Seen {
  let seen = NOTHING_SEEN;
  for (const tokens of [300, 2_000, 500, 6_000, 1_000, 4_000]) {
    const seconds = 0.02 + perToken * (tokens + growth * tokens ** 2 / 2);
    seen = withPrefill(seen, { ...prefillOf(tokens, tokens), seconds }, now);
    seen = withDecode(seen, { tokens: 200, seconds: 200 * step }, now);
  }
  return seen;
}

Deno.test("a restored pace is about the saved one, for each growth", () => {
  for (const [place, growth] of GROWTHS.entries()) {
    const seen = seenAt(1 / 700, 0.1, 5_000, growth);
    const before = latencyModelOf(seen, seen, place);
    const restored = restoredPace(savedPace(seen, seen), 9_000_000);
    const all = restoredPace(savedFleetPace(seen), 9_000_000);
    const after = latencyModelOf(restored, all, place);
    isNear(after.secondsPerToken, before.secondsPerToken, 0.1);
    isNear(after.secondsPerAnswerToken, before.secondsPerAnswerToken, 0.1);
    isNear(after.secondsPerToken, 1 / 700, 0.2);
  }
});

Deno.test("a pace outweighs the usual one however long ago it was learned", () => {
  const seen = seenAt(1 / 700, 0.1, 5_000);
  const saved = savedPace(seen, seen);
  assert.equal(saved.prefills, 4);
  const { secondsPerToken } = latencyModelOf(restoredPace(saved, 1e9), NOTHING_SEEN, 0);
  isNear(secondsPerToken, 1 / 700, 0.2);
});

Deno.test("a restored pace is outweighed by the first few observations", () => {
  const saved = savedPace(seenAt(1 / 700, 0.1, 0), NOTHING_SEEN);
  let seen = restoredPace(saved, 0);
  const fast = seenAt(1 / 10_000, 0.01, 0);
  for (let i = 0; i < 12; i++) {
    seen = withPrefill(seen, { ...prefillOf(4_000, 4_000), seconds: 0.42 }, 0);
    seen = withDecode(seen, { tokens: 200, seconds: 2 }, 0);
  }
  const { secondsPerToken, secondsPerAnswerToken } = latencyModelOf(seen, NOTHING_SEEN, 0);
  const aim = latencyModelOf(fast, NOTHING_SEEN, 0).secondsPerToken;
  assert.ok(secondsPerToken < 6 * aim, `${secondsPerToken} is not near ${aim}`);
  assert.ok(secondsPerAnswerToken < 0.05, `${secondsPerAnswerToken}`);
});

Deno.test("nothing learned is saved and restored as nothing", () => {
  const saved = savedPace(NOTHING_SEEN, NOTHING_SEEN);
  assert.ok(paceShape.safeParse(saved).success);
  assert.equal(restoredPace(saved, 1), NOTHING_SEEN);
});
