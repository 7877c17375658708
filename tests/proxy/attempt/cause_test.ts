import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cause } from "../../../src/fleet/lease.ts";
import { causeOf, type Given } from "../../../src/proxy/attempt/cause.ts";
import { numRuns } from "../../support/property.ts";

const OK: Given = { outcome: "ok" };
const FAILED: Given = { outcome: "bad_status" };
const BROKEN: Given = { outcome: "reset" };
/** As vLLM writes it, or else as a gateway does. */
const refused = (status: number, isVllmError = true): Given => ({
  outcome: "client_error",
  clientError: { status, isVllmError, isUnknownModel: false },
});

for (
  const [what, failure, others, passedOn, wasHeldBack, cause] of [
    ["a failure, and a good answer of another", FAILED, [], OK, false, "server"],
    ["one of two failures, and a good answer", FAILED, [BROKEN], OK, false, "server"],
    ["one of two failures", FAILED, [BROKEN], undefined, false, "request"],
    [
      "one of two failures, then the budget was spent",
      FAILED,
      [FAILED],
      undefined,
      true,
      "request",
    ],
    ["a failure where nobody else is", FAILED, [], undefined, false, "server"],
    ["a failure, then the budget was spent", FAILED, [], undefined, true, "unknown"],
    ["a failure, and another calls the request wrong", FAILED, [], refused(400), false, "request"],
    [
      "a failure beside one that refuses it as a gateway does",
      FAILED,
      [refused(404, false)],
      undefined,
      false,
      "unknown",
    ],
    [
      "a failure beside a failure and a refusal",
      FAILED,
      [refused(404, false), BROKEN],
      undefined,
      false,
      "request",
    ],

    ["an odd error, and a good answer of another", refused(404, false), [], OK, false, "server"],
    ["an odd error where nobody else is", refused(404, false), [], undefined, false, "unknown"],
    [
      "an odd error, then the budget was spent",
      refused(404, false),
      [],
      undefined,
      true,
      "unknown",
    ],
    [
      "the same odd error of two",
      refused(404, false),
      [refused(404, false)],
      undefined,
      false,
      "request",
    ],
    ["an odd error, and the same is passed on", refused(401), [], refused(401), false, "request"],
    ["a body too large for one gateway", refused(413, false), [], OK, false, "unknown"],
    ["an odd error, and another is passed on", refused(401), [], refused(400), false, "unknown"],
    [
      "a gateway's error, and vLLM's of that status",
      refused(404, false),
      [],
      refused(404),
      false,
      "unknown",
    ],
    ["an odd error beside a failure", refused(404, false), [FAILED], undefined, false, "unknown"],
  ] satisfies [string, Given, Given[], Given | undefined, boolean, Cause][]
) {
  Deno.test(`${what}: the cause is ${cause}`, () => {
    assert.equal(causeOf(failure, others, passedOn, wasHeldBack), cause);
  });
}

const given = fc.oneof(
  fc.constantFrom<Given>(FAILED, BROKEN, { outcome: "truncated" }, { outcome: "timeout" }),
  fc.tuple(fc.constantFrom(400, 401, 404), fc.boolean()).map(([status, isVllmError]) =>
    refused(status, isVllmError)
  ),
);

Deno.test("a good answer blames every server that gave none, whatever others said", () => {
  fc.assert(
    fc.property(given, fc.array(given), fc.boolean(), (failure, others, wasHeldBack) => {
      assert.equal(causeOf(failure, others, OK, wasHeldBack), "server");
    }),
    { numRuns },
  );
});

Deno.test("without a good answer, no server is blamed once a second was asked, nor for a client error", () => {
  fc.assert(
    fc.property(
      given,
      fc.array(given),
      fc.option(fc.constantFrom(refused(400), refused(404)), { nil: undefined }),
      fc.boolean(),
      (failure, others, passedOn, wasHeldBack) => {
        const cause = causeOf(failure, others, passedOn, wasHeldBack);
        const isAlone = others.length === 0 && !passedOn && failure.outcome !== "client_error";
        if (!isAlone) assert.notEqual(cause, "server");
      },
    ),
    { numRuns },
  );
});
