import assert from "node:assert/strict";
import fc from "fast-check";
import { createRetryBudget } from "../../src/proxy/retry_budget.ts";
import { numRuns } from "../support/property.ts";

const WINDOW_MS = 10_000;
const FLOOR = 100;

function budgeting(startAt = 5_000_000) {
  const clock = { now: startAt };
  const budget = createRetryBudget(() => clock.now);
  /** Takes retries until one is refused; returns how many were granted. */
  const takeAll = () => {
    let taken = 0;
    while (taken < 100_000 && budget.take()) taken++;
    return taken;
  };
  const requests = (count: number) => {
    for (let i = 0; i < count; i++) budget.request();
  };
  return { clock, budget, takeAll, requests };
}

Deno.test("without any requests the floor applies", () => {
  const { takeAll } = budgeting();
  assert.equal(takeAll(), FLOOR);
  assert.equal(takeAll(), 0);
});

Deno.test("a fifth of the requests may be retried in addition to the floor", () => {
  const { requests, takeAll } = budgeting();
  requests(1_000);
  assert.equal(takeAll(), FLOOR + 200);
  requests(5);
  assert.equal(takeAll(), 1);
});

Deno.test("a retry returns to the budget when its window has passed, and not before", () => {
  const { clock, takeAll } = budgeting();
  assert.equal(takeAll(), FLOOR);
  clock.now += WINDOW_MS - 1_000;
  assert.equal(takeAll(), 0);
  clock.now += 2_000;
  assert.equal(takeAll(), FLOOR);
});

Deno.test("requests count only within the window", () => {
  const { clock, requests, takeAll } = budgeting();
  requests(1_000);
  clock.now += WINDOW_MS;
  assert.equal(takeAll(), FLOOR);
});

Deno.test("after a long pause the budget is as at the start", () => {
  const { clock, requests, takeAll } = budgeting();
  requests(500);
  takeAll();
  clock.now += 3_600_000;
  assert.equal(takeAll(), FLOOR);
});

Deno.test("a second's budget returns in the next window, wherever in the second it was taken", () => {
  for (const part of [0, 1, 500, 999]) {
    const { clock, takeAll } = budgeting(7_000_000 + part);
    assert.equal(takeAll(), FLOOR);
    clock.now += WINDOW_MS + 1_000;
    assert.equal(takeAll(), FLOOR, `${part} ms into its second`);
  }
});

Deno.test("in any ten seconds, retries never exceed a fifth of the requests plus the floor", () => {
  const step = fc.record({
    afterMs: fc.oneof(fc.nat(50), fc.nat(2_000), fc.nat(15_000)),
    requests: fc.oneof(fc.nat(5), fc.nat(400)),
    wanted: fc.oneof(fc.nat(5), fc.nat(400)),
  });
  fc.assert(
    fc.property(
      fc.nat(100_000),
      fc.array(step, { minLength: 1, maxLength: 25 }),
      (startAt, steps) => {
        const { clock, budget, requests } = budgeting(startAt);
        const past: { at: number; requests: number; taken: number }[] = [];
        for (const step of steps) {
          clock.now += step.afterMs;
          requests(step.requests);
          let taken = 0;
          for (let i = 0; i < step.wanted && budget.take(); i++) taken++;
          past.push({ at: clock.now, requests: step.requests, taken });
          const window = past.filter(({ at }) => at > clock.now - WINDOW_MS);
          const sum = (of: "requests" | "taken") =>
            window.reduce((total, step) => total + step[of], 0);
          if (taken > 0) {
            assert.ok(
              sum("taken") <= FLOOR + 0.2 * sum("requests") + 1,
              `${sum("taken")} retries of ${sum("requests")} requests`,
            );
          }
        }
      },
    ),
    { numRuns },
  );
});
