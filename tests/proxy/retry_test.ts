import assert from "node:assert/strict";
import { type Outcome, verdict } from "../../src/fleet/outcome.ts";
import { isFailure } from "../../src/fleet/outcome.ts";
import { outcomeOfStatus, shouldRetry } from "../../src/proxy/retry.ts";

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
      assert.equal(shouldRetry(outcome, 1, 3), expected.retried);
      assert.equal(verdict(outcome), expected.verdict);
    },
  );
}

Deno.test("max_retries further servers are asked, and no more", () => {
  const tries = [1, 2, 3, 4, 5].map((attempts) => shouldRetry("reset", attempts, 3));
  assert.deepEqual(tries, [true, true, true, false, false]);
  assert.equal(shouldRetry("reset", 1, 0), false);
});

Deno.test("500, 502, 503, 504 and 429 go to another server, every other status is the client's", () => {
  for (let status = 200; status < 600; status++) {
    assert.equal(
      isFailure(outcomeOfStatus(status)),
      [429, 500, 502, 503, 504].includes(status),
      String(status),
    );
  }
});

Deno.test("429 and 503 are pressure and no fault, 4xx are the client's own", () => {
  assert.equal(outcomeOfStatus(429), "backpressure");
  assert.equal(outcomeOfStatus(503), "backpressure");
  for (const status of [400, 401, 404, 413, 422]) {
    assert.equal(outcomeOfStatus(status), "client_error");
  }
  for (const status of [200, 204, 302]) {
    assert.equal(outcomeOfStatus(status), "ok");
  }
  for (const status of [500, 502, 504]) {
    assert.equal(outcomeOfStatus(status), "bad_status");
  }
});

Deno.test("501, not implemented, is the client's and not held against the server", () => {
  assert.equal(verdict(outcomeOfStatus(501)), undefined);
});
