import assert from "node:assert/strict";
import fc from "fast-check";
import type { Cause, Lease } from "../../src/fleet/lease.ts";
import type { Outcome } from "../../src/fleet/outcome.ts";
import type { ClientError } from "../../src/fleet/outlier.ts";
import type { Attempted } from "../../src/proxy/attempt.ts";
import { causeOf, createDisputes, type Given, isDisputable } from "../../src/proxy/dispute.ts";
import type { Expiry } from "../../src/proxy/outcome_of.ts";
import { numRuns } from "../support/property.ts";

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

for (
  const [outcome, expired, isSuspect, expected] of [
    ["bad_status", undefined, false, true],
    ["reset", undefined, false, true],
    ["truncated", undefined, false, true],
    ["client_error", undefined, true, true],
    ["client_error", undefined, false, false],
    ["refused", undefined, false, false],
    ["backpressure", undefined, false, false],
    ["draining", undefined, false, false],
    ["aborted", undefined, false, false],
    ["timeout", "silent", false, true],
    ["timeout", "evicted", false, false],
    ["timeout", "overdue", false, false],
    ["timeout", "cut_off", false, false],
    ["refused", "unreachable", false, false],
  ] satisfies [Outcome, Expiry | undefined, boolean, boolean][]
) {
  Deno.test(`another server can${expected ? "" : "'t"} tell who caused ${outcome}${expired ? `, ${expired}` : ""}${isSuspect ? ", suspect" : ""}`, () => {
    assert.equal(isDisputable({ outcome, expired, answer: undefined }, isSuspect), expected);
  });
}

/** A lease that keeps what it is told. */
function leaseOf(settled: Cause[]): Lease {
  return {
    server: undefined!,
    evictions: new Set(),
    engine: () => ({ movedAt: -Infinity, stillSince: Infinity }),
    suspects: () => false,
    started() {},
    end() {},
    settle: (cause) => void settled.push(cause),
  };
}

function attemptedWith(outcome: Outcome, clientError?: ClientError): Attempted {
  return { outcome, answer: undefined, expired: undefined, clientError };
}

Deno.test("each failure of a request is settled by the others, once", () => {
  const disputes = createDisputes();
  const settled: Cause[][] = [[], [], []];
  const odd = refused(404, false).clientError;
  disputes.add(leaseOf(settled[0]!), attemptedWith("bad_status"));
  disputes.add(leaseOf(settled[1]!), attemptedWith("client_error", odd));
  disputes.add(leaseOf(settled[2]!), attemptedWith("reset"));
  disputes.settle(undefined);
  assert.deepEqual(settled, [["request"], ["unknown"], ["request"]]);
  disputes.settle(attemptedWith("ok"));
  assert.deepEqual(settled, [["request"], ["unknown"], ["request"]]);
});

Deno.test("failures that are alike are two, not one", () => {
  const disputes = createDisputes();
  const settled: Cause[] = [];
  for (let i = 0; i < 2; i++) disputes.add(leaseOf(settled), attemptedWith("bad_status"));
  disputes.settle(undefined);
  assert.deepEqual(settled, ["request", "request"]);
});

Deno.test("without a failure there is nothing to settle", () => {
  createDisputes().settle(attemptedWith("ok"));
});
