import assert from "node:assert/strict";
import { isFailure, type Outcome, verdict } from "../../src/fleet/outcome.ts";
import type { ClientError } from "../../src/fleet/health/outlier_detection.ts";
import { type Expiry, outcomeFor } from "../../src/proxy/attempt/outcome.ts";
import {
  endDetails,
  type Ending,
  isFinal,
  retryAfterMs,
  shouldRetry,
} from "../../src/proxy/retry.ts";

/** For each outcome: whether it is retried, and its verdict on the server. */
const outcomes: Record<Outcome, { retried: boolean; verdict?: boolean }> = {
  ok: { retried: false, verdict: true },
  client_error: { retried: false },
  client_closed: { retried: false },
  refused: { retried: true, verdict: false },
  reset: { retried: true, verdict: false },
  timeout: { retried: true, verdict: false },
  bad_status: { retried: true, verdict: false },
  truncated: { retried: true, verdict: false },
  outlier: { retried: true, verdict: false },
  backpressure: { retried: true },
  draining: { retried: true },
  aborted: { retried: true },
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
      // Other outcomes are passed on, except a client error that only this server gives.
      const asked = shouldRetry({ outcome, expired: undefined }, 1, 3);
      if (expected.retried || outcome === "client_error") assert.equal(asked, true);
      assert.equal(verdict(outcome), expected.verdict);
    },
  );
}

const RESET = { outcome: "reset", expired: undefined } as const;

Deno.test("at most max_retries further servers are asked", () => {
  const tries = [1, 2, 3, 4, 5].map((attempts) => shouldRetry(RESET, attempts, 3));
  assert.deepEqual(tries, [true, true, true, false, false]);
  assert.equal(shouldRetry(RESET, 1, 0), false);
});

/** For each reason to abort an attempt: whether it is retried, and whether the server is blamed. */
const expiries: Record<Exclude<Expiry, "unread">, { retried: boolean; blamed: boolean }> = {
  unreachable: { retried: true, blamed: true },
  silent: { retried: true, blamed: true },
  evicted: { retried: true, blamed: false },
  stopped: { retried: true, blamed: false },
  drained: { retried: true, blamed: false },
  overdue: { retried: false, blamed: false },
  cut_off: { retried: false, blamed: false },
};

for (const [name, { retried, blamed }] of Object.entries(expiries)) {
  const ending = { outcome: "timeout", expired: name as Expiry } as const;
  Deno.test(`an attempt that was ${name} ${retried ? "goes" : "doesn't go"} to another server, and ${blamed ? "blames" : "doesn't blame"} this one`, () => {
    assert.equal(shouldRetry(ending, 1, 3), retried);
    assert.equal(isFinal(ending), !retried);
    assert.equal(endDetails(ending, 0).blameless, !blamed);
  });
}

Deno.test("an attempt whose client stopped reading is not a failure", () => {
  const ending = { outcome: "client_closed", expired: "unread" } as const;
  assert.equal(isFailure(ending.outcome), false);
  assert.equal(endDetails(ending, 0).unreachable, false);
});

Deno.test("an attempt that the router didn't abort is neither final nor blameless", () => {
  assert.equal(isFinal(undefined), false);
  assert.equal(isFinal(RESET), false);
  assert.equal(endDetails(RESET, 0).blameless, false);
});

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

Deno.test("a server's Retry-After counts only under backpressure", () => {
  const headers = new Headers({ "retry-after": "7" });
  const details = (outcome: Outcome) =>
    endDetails({ outcome, expired: undefined, answer: { status: 429, headers } }, NOW);
  assert.equal(details("backpressure").retryAfterMs, 7_000);
  for (const outcome of ["bad_status", "ok", "client_error", "truncated"] as const) {
    assert.equal(details(outcome).retryAfterMs, undefined, outcome);
  }
  const silent = { outcome: "backpressure", expired: undefined } as const;
  assert.equal(endDetails(silent, NOW).retryAfterMs, undefined);
  const without = { ...silent, answer: { status: 503, headers: new Headers() } };
  assert.equal(endDetails(without, NOW).retryAfterMs, undefined);
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

Deno.test("a missing Retry-After is undefined, and a huge number is infinite", () => {
  assert.equal(retryAfterMs(null, NOW), undefined);
  assert.equal(retryAfterMs("9".repeat(400), NOW), Infinity);
});

const SAID_404: ClientError = { status: 404, isVllmError: true, isUnknownModel: true };

for (
  const [what, ending, told] of [
    ["500", { outcome: "bad_status", answer: answerOf(500) }, "it answered 500"],
    ["a client error", { outcome: "client_error", clientError: SAID_404 }, "it answered 404"],
    ["a gateway's page", {
      outcome: "client_error",
      clientError: { ...SAID_404, isVllmError: false },
    }, "it answered 404, not in a form of vLLM's"],
    ["silence", { outcome: "timeout", expired: "silent" }, "it fell silent"],
    ["no connection", { outcome: "refused", expired: "unreachable" }, "no connection in time"],
    [
      "a break before its answer",
      { outcome: "reset", error: "connection closed" },
      "connection closed",
    ],
    ["a break in mid-answer", { outcome: "truncated" }, "its answer broke off"],
    ["a good answer", { outcome: "ok", answer: answerOf(200) }, undefined],
    ["a client that left", { outcome: "client_closed", error: "aborted" }, undefined],
  ] satisfies [string, Partial<Ending> & Pick<Ending, "outcome">, string | undefined][]
) {
  Deno.test(`${what} is described as ${told ? `"${told}"` : "nothing"}`, () => {
    assert.equal(endDetails({ expired: undefined, ...ending }, 0).what, told);
  });
}

function answerOf(status: number) {
  return { status, headers: new Headers() };
}

Deno.test("the kind of client error and a preceding preamble are kept", () => {
  const ending = { outcome: "client_error", expired: undefined, clientError: SAID_404 } as const;
  assert.equal(endDetails(ending, 0).clientError, SAID_404);
  assert.equal(endDetails(ending, 0).afterPreamble, undefined);
  const cut = { outcome: "truncated", expired: undefined, afterPreamble: true } as const;
  assert.equal(endDetails(cut, 0).afterPreamble, true);
});

Deno.test("tokens are those that the answer reported, or else its chunks", () => {
  const usage = { promptTokens: 7, completionTokens: 3 };
  const ending = { outcome: "ok", expired: undefined, chunks: 5 } as const;
  const tokens = (more: Partial<Ending>) => {
    const { promptTokens, answerTokens } = endDetails({ ...ending, ...more }, 0);
    return [promptTokens, answerTokens];
  };
  assert.deepEqual(tokens({ usage }), [7, 3]);
  assert.deepEqual(tokens({ usage: { ...usage, completionTokens: 0 } }), [7, 5]);
  assert.deepEqual(tokens({}), [undefined, 5]);
});

Deno.test("a request cut off by a stopping router is rejected, like one that no server was asked for", () => {
  assert.equal(outcomeFor(undefined), "rejected");
  assert.equal(outcomeFor({ outcome: "timeout", expired: "cut_off" }), "rejected");
  assert.equal(outcomeFor({ outcome: "timeout", expired: "silent" }), "timeout");
  assert.equal(outcomeFor({ outcome: "ok", expired: undefined }), "ok");
});
