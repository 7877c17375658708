import assert from "node:assert/strict";
import type { Cause, Lease } from "../../src/fleet/lease.ts";
import type { Outcome } from "../../src/fleet/outcome.ts";
import type { ClientError } from "../../src/fleet/outlier.ts";
import type { Attempted } from "../../src/proxy/attempt.ts";
import { createDisputes, isDisputable } from "../../src/proxy/dispute.ts";
import type { Expiry } from "../../src/proxy/outcome_of.ts";

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
  const odd: ClientError = { status: 404, isVllmError: false, isUnknownModel: false };
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
