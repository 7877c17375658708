import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type ClientError,
  type Comparison,
  isSuspect,
} from "../../../src/fleet/health/outlier_detection.ts";
import type { AnswerCounts } from "../../../src/fleet/health/recent_answers.ts";
import { numRuns } from "../../support/property.ts";

const NONE: AnswerCounts = { good: 0, failed: 0, clientErrors: 0 };
const GOOD: AnswerCounts = { good: 20, failed: 0, clientErrors: 0 };

function errorOf(known: Partial<ClientError> = {}): ClientError {
  return { status: 400, isVllmError: true, isUnknownModel: false, ...known };
}

function comparisonOf(known: Partial<Comparison> = {}): Comparison {
  return { usesOwnKey: false, isCleared: false, own: NONE, others: GOOD, ...known };
}

for (
  const [what, error, comparison, expected] of [
    ["400 in vLLM's shape", {}, {}, false],
    ["422 in vLLM's shape", { status: 422 }, {}, false],
    ["a gateway's 400", { isVllmError: false }, {}, true],
    ["a gateway's 404", { status: 404, isVllmError: false }, {}, true],
    ["404 for something that isn't a model", { status: 404 }, {}, false],
    ["404 for a model that it lists", { status: 404, isUnknownModel: true }, {}, true],
    ["401 to the client's own key", { status: 401 }, {}, true],
    ["403 to the client's own key", { status: 403 }, {}, true],
    ["401 to the router's key", { status: 401 }, { usesOwnKey: true }, true],
    // Another server just returned the same error.
    ["a gateway's 400, cleared", { isVllmError: false }, { isCleared: true }, false],
    ["404 for a model, cleared", { status: 404, isUnknownModel: true }, { isCleared: true }, false],
    ["401 to the client's own key, cleared", { status: 401 }, { isCleared: true }, false],
    // Another server can't clear a key that only this server got.
    [
      "401 to the router's key, cleared",
      { status: 401 },
      { usesOwnKey: true, isCleared: true },
      true,
    ],
    ["400 beside the router's key", {}, { usesOwnKey: true }, false],
  ] satisfies [string, Partial<ClientError>, Partial<Comparison>, boolean][]
) {
  Deno.test(`${what} ${expected ? "may be" : "is not"} the server's own`, () => {
    assert.equal(isSuspect(errorOf(error), comparisonOf(comparison)), expected);
  });
}

for (
  const [own, others, expected] of [
    [{ good: 0, failed: 0, clientErrors: 3 }, GOOD, true],
    [{ good: 0, failed: 0, clientErrors: 2 }, GOOD, false],
    [{ good: 3, failed: 0, clientErrors: 3 }, GOOD, true],
    [{ good: 4, failed: 0, clientErrors: 3 }, GOOD, false],
    [{ good: 0, failed: 4, clientErrors: 3 }, GOOD, false],
    [{ good: 0, failed: 0, clientErrors: 20 }, { good: 10, failed: 0, clientErrors: 10 }, true],
    [{ good: 0, failed: 0, clientErrors: 20 }, { good: 9, failed: 0, clientErrors: 11 }, false],
    [{ good: 0, failed: 0, clientErrors: 20 }, { good: 2, failed: 0, clientErrors: 0 }, false],
    [{ good: 0, failed: 0, clientErrors: 20 }, NONE, false],
  ] satisfies [AnswerCounts, AnswerCounts, boolean][]
) {
  const share = ({ good, failed, clientErrors }: AnswerCounts) =>
    `${clientErrors} of ${good + failed + clientErrors}`;
  Deno.test(`client errors ${expected ? "stand out" : "don't stand out"} where they are ${share(own)} answers, and ${share(others)} of the others'`, () => {
    assert.equal(isSuspect(errorOf(), comparisonOf({ own, others })), expected);
    const isCleared = true;
    assert.equal(isSuspect(errorOf(), comparisonOf({ own, others, isCleared })), false);
  });
}

Deno.test("a server with no larger share of client errors than the others doesn't stand out", () => {
  const counts = fc.record({ good: fc.nat(20), failed: fc.nat(20), clientErrors: fc.nat(20) });
  const shareOf = ({ good, failed, clientErrors }: AnswerCounts) =>
    clientErrors / (good + failed + clientErrors);
  fc.assert(
    fc.property(counts, counts, fc.constantFrom(400, 404, 409, 413, 422), (own, others, status) => {
      const isOne = isSuspect(errorOf({ status }), comparisonOf({ own, others }));
      if (isOne) assert.ok(shareOf(own) >= 2 * shareOf(others));
    }),
    { numRuns },
  );
});
