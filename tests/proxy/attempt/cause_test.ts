import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cause } from "../../../src/fleet/lease.ts";
import { causeOf, type Given } from "../../../src/proxy/attempt/cause.ts";
import { numRuns } from "../../support/property.ts";

const OK: Given = { outcome: "ok" };
const FAILED: Given = { outcome: "bad_status" };
const BROKEN: Given = { outcome: "reset" };
/** A client error in vLLM's form, or in a gateway's. */
const refused = (status: number, isVllmError = true): Given => ({
  outcome: "client_error",
  clientError: { status, isVllmError, isUnknownModel: false },
});

for (
  const [what, failure, others, passedOn, wasRetryDenied, cause] of [
    ["a failure, and a good answer from another server", FAILED, [], OK, false, "server"],
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
    ["a failure without another server", FAILED, [], undefined, false, "server"],
    ["a failure, then the budget was spent", FAILED, [], undefined, true, "unknown"],
    ["a failure, and another server's client error", FAILED, [], refused(400), false, "request"],
    [
      "a failure, and another server's error in a gateway's form",
      FAILED,
      [refused(404, false)],
      undefined,
      false,
      "unknown",
    ],
    [
      "a failure, another failure and a gateway's error",
      FAILED,
      [refused(404, false), BROKEN],
      undefined,
      false,
      "request",
    ],

    [
      "a suspect error, and a good answer from another server",
      refused(404, false),
      [],
      OK,
      false,
      "server",
    ],
    [
      "a suspect error without another server",
      refused(404, false),
      [],
      undefined,
      false,
      "unknown",
    ],
    [
      "a suspect error, then the budget was spent",
      refused(404, false),
      [],
      undefined,
      true,
      "unknown",
    ],
    [
      "the same suspect error from two servers",
      refused(404, false),
      [refused(404, false)],
      undefined,
      false,
      "request",
    ],
    [
      "a suspect error, and the same is passed on",
      refused(401),
      [],
      refused(401),
      false,
      "request",
    ],
    ["a body too large for one gateway", refused(413, false), [], OK, false, "unknown"],
    [
      "a suspect error, and a different one is passed on",
      refused(401),
      [],
      refused(400),
      false,
      "unknown",
    ],
    [
      "a gateway's error, and vLLM's with the same status",
      refused(404, false),
      [],
      refused(404),
      false,
      "unknown",
    ],
    [
      "a suspect error, and another server's failure",
      refused(404, false),
      [FAILED],
      undefined,
      false,
      "unknown",
    ],
  ] satisfies [string, Given, Given[], Given | undefined, boolean, Cause][]
) {
  Deno.test(`${what}: the cause is ${cause}`, () => {
    assert.equal(causeOf(failure, others, passedOn, wasRetryDenied), cause);
  });
}

const given = fc.oneof(
  fc.constantFrom<Given>(FAILED, BROKEN, { outcome: "truncated" }, { outcome: "timeout" }),
  fc.tuple(fc.constantFrom(400, 401, 404), fc.boolean()).map(([status, isVllmError]) =>
    refused(status, isVllmError)
  ),
);

Deno.test("a good answer blames every server that failed, whatever the others answered", () => {
  fc.assert(
    fc.property(given, fc.array(given), fc.boolean(), (failure, others, wasRetryDenied) => {
      assert.equal(causeOf(failure, others, OK, wasRetryDenied), "server");
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
      (failure, others, passedOn, wasRetryDenied) => {
        const cause = causeOf(failure, others, passedOn, wasRetryDenied);
        const isAlone = others.length === 0 && !passedOn && failure.outcome !== "client_error";
        if (!isAlone) assert.notEqual(cause, "server");
      },
    ),
    { numRuns },
  );
});
