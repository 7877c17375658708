import assert from "node:assert/strict";
import { isFailure, type Outcome, verdict } from "../../src/fleet/outcome.ts";
import type { Expiry } from "../../src/proxy/outcome_of.ts";
import {
  endDetails,
  isFinal,
  outcomeFor,
  retryAfterMs,
  shouldRetry,
} from "../../src/proxy/retry.ts";

/** Of each outcome: whether another server is asked, and what it says of this one. */
const outcomes: Record<Outcome, { retried: boolean; verdict?: boolean }> = {
  ok: { retried: false, verdict: true },
  client_error: { retried: false },
  client_closed: { retried: false },
  refused: { retried: true, verdict: false },
  reset: { retried: true, verdict: false },
  timeout: { retried: true, verdict: false },
  bad_status: { retried: true, verdict: false },
  truncated: { retried: true, verdict: false },
  backpressure: { retried: true },
};

for (const [name, expected] of Object.entries(outcomes)) {
  const outcome = name as Outcome;
  Deno.test(
    `${name} ${expected.retried ? "goes" : "doesn't go"} to another server and speaks ${
      { true: "for", false: "against", undefined: "neither for nor against" }[
        String(expected.verdict)
      ]
    } this one`,
    () => {
      assert.equal(isFailure(outcome), expected.retried);
      assert.equal(shouldRetry({ outcome, expired: undefined }, 1, 3), expected.retried);
      assert.equal(verdict(outcome), expected.verdict);
    },
  );
}

const RESET = { outcome: "reset", expired: undefined } as const;

Deno.test("max_retries further servers are asked, and no more", () => {
  const tries = [1, 2, 3, 4, 5].map((attempts) => shouldRetry(RESET, attempts, 3));
  assert.deepEqual(tries, [true, true, true, false, false]);
  assert.equal(shouldRetry(RESET, 1, 0), false);
});

/** Of each reason to give an attempt up: whether another server may do better, and who is to blame. */
const expiries: Record<Exclude<Expiry, "unread">, { retried: boolean; blamed: boolean }> = {
  unreachable: { retried: true, blamed: true },
  silent: { retried: true, blamed: true },
  stalled: { retried: true, blamed: false },
  overdue: { retried: false, blamed: false },
  cut_off: { retried: false, blamed: false },
};

for (const [name, { retried, blamed }] of Object.entries(expiries)) {
  const ending = { outcome: "timeout", expired: name as Expiry } as const;
  Deno.test(`an attempt that was ${name} ${retried ? "goes" : "doesn't go"} to another server, and ${blamed ? "" : "not "}by this one's fault`, () => {
    assert.equal(shouldRetry(ending, 1, 3), retried);
    assert.equal(isFinal(ending), !retried);
    assert.equal(endDetails(ending, 0).blameless, !blamed);
  });
}

Deno.test("an attempt whose client took nothing of the answer is the client's end, and goes nowhere", () => {
  const ending = { outcome: "client_closed", expired: "unread" } as const;
  assert.equal(shouldRetry(ending, 1, 3), false);
  assert.equal(endDetails(ending, 0).unreachable, false);
});

Deno.test("what wasn't given up is final to nobody and blameless in nothing", () => {
  assert.equal(isFinal(undefined), false);
  assert.equal(isFinal(RESET), false);
  assert.equal(endDetails(RESET, 0).blameless, false);
});

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

Deno.test("a server's Retry-After counts where it asks for less, and nowhere else", () => {
  const headers = new Headers({ "retry-after": "7" });
  const details = (outcome: Outcome) =>
    endDetails({ outcome, expired: undefined, answer: { headers } }, NOW);
  assert.equal(details("backpressure").restMs, 7_000);
  for (const outcome of ["bad_status", "ok", "client_error", "truncated"] as const) {
    assert.equal(details(outcome).restMs, undefined, outcome);
  }
  const silent = { outcome: "backpressure", expired: undefined } as const;
  assert.equal(endDetails(silent, NOW).restMs, undefined);
  const without = { ...silent, answer: { headers: new Headers() } };
  assert.equal(endDetails(without, NOW).restMs, undefined);
});

for (
  const [written, ms] of [
    ["0", 0],
    ["7", 7_000],
    [" 120 ", 120_000],
    ["Fri, 02 Jan 2026 03:04:35 GMT", 30_000],
    ["Friday, 02-Jan-26 03:04:35 GMT", 30_000],
    ["Fri, 02 Jan 2026 03:04:00 GMT", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["7s", undefined],
    ["7, 7", undefined],
    ["in 5 minutes", undefined],
    ["soon", undefined],
    ["", undefined],
  ] as const
) {
  Deno.test(`"Retry-After: ${written}" is ${ms === undefined ? "not understood" : `${ms} ms`}`, () => {
    assert.equal(retryAfterMs(written, NOW), ms);
  });
}

Deno.test("no Retry-After is no time, and more digits than there are seconds are very long", () => {
  assert.equal(retryAfterMs(null, NOW), undefined);
  assert.equal(retryAfterMs("9".repeat(400), NOW), Infinity);
});

Deno.test("what a second server breaks at as well may be the request, and takes out one of them", () => {
  const broken = { outcome: "bad_status", expired: undefined } as const;
  assert.equal(endDetails(broken, 0, false).blameless, false);
  assert.equal(endDetails(broken, 0, false, broken).blameless, true);
  assert.equal(endDetails(broken, 0, false, RESET).blameless, false);
  assert.equal(endDetails(RESET, 0, false, broken).blameless, false);
});

Deno.test("a server that was silent may be slow at a whole answer, and at no stream", () => {
  const silent = { outcome: "timeout", expired: "silent" } as const;
  assert.equal(endDetails(silent, 0, false).slow, true);
  assert.equal(endDetails(silent, 0, true).slow, false);
  assert.equal(endDetails({ ...silent, expired: "unreachable" }, 0, false).slow, false);
});

Deno.test("what the router cut off as it stopped is no server's error, as what no server was asked", () => {
  assert.equal(outcomeFor(undefined), "rejected");
  assert.equal(outcomeFor({ outcome: "timeout", expired: "cut_off" }), "rejected");
  assert.equal(outcomeFor({ outcome: "timeout", expired: "silent" }), "timeout");
  assert.equal(outcomeFor({ outcome: "ok", expired: undefined }), "ok");
});
