import assert from "node:assert/strict";
import { ROOMY } from "../../support/limits.ts";
import type { Cause, Lease } from "../../../src/fleet/lease.ts";
import type { Outcome } from "../../../src/fleet/outcome.ts";
import type { ClientError } from "../../../src/fleet/health/outlier_detection.ts";
import type { Answer, FirstAnswer } from "../../../src/proxy/attempt/first_answer.ts";
import { createFailures, isDisputable } from "../../../src/proxy/attempt/dispute.ts";
import { newServer } from "../../../src/fleet/state/server.ts";
import type { Expiry } from "../../../src/proxy/attempt/outcome.ts";
import { configOf } from "../../support/config.ts";

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
  Deno.test(`another server's answer can${expected ? "" : "'t"} show who caused ${outcome}${expired ? `, ${expired}` : ""}${isSuspect ? ", suspect" : ""}`, () => {
    assert.equal(isDisputable({ outcome, expired, answer: undefined }, isSuspect), expected);
  });
}

/** A lease that records its calls. */
function leaseOf({ apiKey }: { apiKey?: string } = {}) {
  const settled: Cause[] = [];
  const ended: [Outcome, boolean | undefined][] = [];
  const [config] = configOf([{ url: "http://a", ...(apiKey && { api_key: apiKey }) }]).servers;
  const lease: Lease = {
    server: newServer(0, config!, 0),
    evictions: new Set(),
    handOvers: new Set(),
    engine: () => ({ movedAt: -Infinity, noProgressSince: Infinity }),
    suspects: () => false,
    started() {},
    end: (outcome, details) => void ended.push([outcome, details?.disputed]),
    settle: (cause) => void settled.push(cause),
  };
  return { lease, settled, ended };
}

const GATEWAY: ClientError = { status: 404, isVllmError: false, isUnknownModel: false };

function attemptedWith(outcome: Outcome, known: Partial<FirstAnswer> = {}): FirstAnswer {
  return { outcome, answer: undefined, expired: undefined, ...known };
}

function answerOf(status: number): Answer {
  const isStream = false;
  return {
    status,
    headers: new Headers(),
    isStream,
    body: new Uint8Array(),
    rest: undefined,
    room: ROOMY,
  };
}

Deno.test("each failure of a request is settled by the others, once", () => {
  const failures = createFailures();
  const leases = [leaseOf(), leaseOf(), leaseOf()] as const;
  failures.add(leases[0].lease, attemptedWith("bad_status"), false, 0);
  failures.add(leases[1].lease, attemptedWith("client_error", { clientError: GATEWAY }), true, 0);
  failures.add(leases[2].lease, attemptedWith("reset"), false, 0);
  assert.deepEqual(leases.map(({ settled }) => settled), [[], [], []]);
  failures.settle(undefined);
  const expected = [["request"], ["unknown"], ["request"]];
  assert.deepEqual(leases.map(({ settled }) => settled), expected);
  failures.settle(attemptedWith("ok"));
  assert.deepEqual(leases.map(({ settled }) => settled), expected);
});

Deno.test("two equal failures count as two", () => {
  const failures = createFailures();
  const { lease, settled } = leaseOf();
  for (let i = 0; i < 2; i++) failures.add(lease, attemptedWith("bad_status"), false, 0);
  failures.settle(undefined);
  assert.deepEqual(settled, ["request", "request"]);
});

Deno.test("each failed attempt ends at once, disputed or not", () => {
  const failures = createFailures();
  const { lease, settled, ended } = leaseOf();
  failures.add(lease, attemptedWith("backpressure"), false, 0);
  failures.add(lease, attemptedWith("bad_status"), false, 0);
  failures.add(lease, attemptedWith("timeout", { expired: "evicted" }), false, 0);
  assert.deepEqual(ended, [["backpressure", false], ["bad_status", true], ["timeout", false]]);
  failures.settle(attemptedWith("ok"));
  assert.deepEqual(settled, ["server"], "only what is disputed is settled");
});

Deno.test("the last failure is kept, and the last one with an answer", () => {
  const failures = createFailures();
  assert.deepEqual([failures.last, failures.answered], [undefined, undefined]);
  const { lease } = leaseOf();
  failures.add(lease, attemptedWith("bad_status", { answer: answerOf(500) }), false, 0);
  failures.add(lease, attemptedWith("refused"), false, 0);
  assert.equal(failures.last?.outcome, "refused");
  assert.equal(failures.last?.server, "a");
  assert.equal(failures.answered?.answer?.status, 500);
  failures.settle(undefined);
  assert.equal(failures.answered?.answer?.status, 500, "the client gets it");
});

Deno.test("a suspect error yields to another server's answer, and a rejection of the router's own key is dropped", () => {
  const suspect = attemptedWith("client_error", { answer: answerOf(404), clientError: GATEWAY });
  const failures = createFailures();
  failures.add(leaseOf().lease, attemptedWith("bad_status", { answer: answerOf(500) }), false, 0);
  failures.add(leaseOf().lease, suspect, true, 0);
  assert.equal(failures.answered?.answer?.status, 500);

  const alone = createFailures();
  alone.add(leaseOf().lease, suspect, true, 0);
  assert.equal(alone.answered?.answer?.status, 404);

  const refused = attemptedWith("client_error", {
    answer: answerOf(401),
    clientError: { ...GATEWAY, status: 401 },
  });
  const keyed = createFailures();
  keyed.add(leaseOf({ apiKey: "secret" }).lease, refused, true, 0);
  assert.equal(keyed.answered, undefined);
  assert.equal(keyed.last?.outcome, "client_error");
  const unkeyed = createFailures();
  unkeyed.add(leaseOf().lease, refused, true, 0);
  assert.equal(unkeyed.answered?.answer?.status, 401);
});

Deno.test("once another answer is passed on, no failed one is kept", () => {
  const failures = createFailures();
  failures.add(leaseOf().lease, attemptedWith("bad_status", { answer: answerOf(500) }), false, 0);
  failures.settle(attemptedWith("ok"));
  assert.deepEqual([failures.last, failures.answered], [undefined, undefined]);
});
