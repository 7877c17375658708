import assert from "node:assert/strict";
import { enqueue } from "../../../src/fleet/estimate/prefill_queue.ts";
import { count } from "../../../src/fleet/estimate/server_counters.ts";
import { newServerEstimate, start, takeStep } from "../../../src/fleet/estimate/server_estimate.ts";
import type { QueuedRequest } from "../../../src/fleet/estimate/prompt_profile.ts";
import { profileOf, queuedRequestOf } from "../../support/work.ts";

/** An estimate with waiting prompts of 1,000 tokens, sent at 0, expected to take 1 s each. */
function estimateWith(...known: readonly Partial<QueuedRequest>[]) {
  const estimate = newServerEstimate(0);
  const requests = known.map(queuedRequestOf);
  for (const request of requests) enqueue(estimate.queue, request);
  /** The observation from the step at that time, once it is over. */
  const told = (at: number) => {
    const seen = takeStep(estimate, at + 1_000);
    return seen && { tokens: seen.tokens, seconds: seen.seconds };
  };
  return { estimate, requests, told };
}

Deno.test("a first token gives one prefill observation, once its step is over", () => {
  const { estimate, requests: [first], told } = estimateWith({});
  start(estimate, first!, 800);
  assert.equal(takeStep(estimate, 800), undefined);
  assert.equal(takeStep(estimate, 804), undefined);
  assert.deepEqual(told(800), { tokens: 1_000, seconds: 0.8 });
  assert.equal(told(800), undefined);
});

Deno.test("several first tokens of one step are one observation", () => {
  const { estimate, requests, told } = estimateWith({}, {}, {});
  start(estimate, requests[0]!, 800);
  start(estimate, requests[1]!, 802);
  start(estimate, requests[2]!, 804);
  assert.deepEqual(told(804), { tokens: 3_000, seconds: 0.8 });
});

Deno.test("the next step's first token is a separate observation", () => {
  const { estimate, requests, told } = estimateWith({}, {});
  start(estimate, requests[0]!, 800);
  assert.deepEqual(told(800), { tokens: 1_000, seconds: 0.8 });
  start(estimate, requests[1]!, 1_400);
  assert.deepEqual(told(1_400), { tokens: 1_000, seconds: 0.6 });
});

Deno.test("a step with an unclear first token gives no observation, in either order", () => {
  for (const clear of [[true, false], [false, true], [false, false]]) {
    const { estimate, requests, told } = estimateWith(...clear.map((isClear) => ({ isClear })));
    start(estimate, requests[0]!, 800);
    start(estimate, requests[1]!, 802);
    assert.equal(told(802), undefined, `${clear}`);
  }
});

Deno.test("a prompt that took far longer than expected is capped, once the server is known", () => {
  const { estimate, requests: [first, second], told } = estimateWith({}, {});
  start(estimate, first!, 600_000);
  assert.deepEqual(told(600_000), { tokens: 1_000, seconds: 100 * 1 + 0.5 });
  estimate.learned = 4;
  start(estimate, second!, 1_200_000);
  assert.deepEqual(told(1_200_000), { tokens: 1_000, seconds: 4 * 1 + 0.5 });
});

Deno.test("an unstreamed answer gives no prefill observation", () => {
  const { estimate, requests: [whole], told } = estimateWith({
    profile: profileOf({ stream: false }),
  });
  start(estimate, whole!, 800);
  assert.equal(told(800), undefined);
  assert.equal(estimate.queue.waiting.size, 0);
});

Deno.test("a clock that is set back starts a new step", () => {
  const { estimate, requests, told } = estimateWith({}, {});
  start(estimate, requests[0]!, 10_000);
  start(estimate, requests[1]!, 400);
  assert.deepEqual(told(400)?.tokens, 1_000);
});

Deno.test("requests without a prompt don't count as started between two scrapes", () => {
  const { estimate, requests } = estimateWith(
    { profile: profileOf({ model: "m", promptBytes: 4_000 }) },
    { profile: profileOf({ model: "m", promptBytes: 0, stream: false }) },
  );
  for (const request of requests) start(estimate, request, 800);
  assert.deepEqual(estimate.started, { count: 1, bytes: 4_000, model: "m", alike: true });
});

Deno.test("a server has seats for the most requests seen running, for some minutes or until a restart", () => {
  const { estimate } = estimateWith();
  const counters = (prompt: number) => {
    return {
      prompt,
      generation: undefined,
      prefixQueries: undefined,
      prefixHits: undefined,
    };
  };
  const MINUTE = 60_000;
  count(estimate, { running: 17, counters: counters(900), ownInFlight: 0 }, 8, MINUTE);
  count(estimate, { running: 2, counters: counters(950), ownInFlight: 0 }, 8, MINUTE + 500);
  assert.ok(estimate.mostRan > 16 && estimate.mostRan <= 17, `${estimate.mostRan}`);
  count(estimate, { running: 2, counters: counters(960), ownInFlight: 0 }, 8, 6 * MINUTE);
  assert.equal(estimate.mostRan, 2);
  count(estimate, { running: 9, counters: counters(970), ownInFlight: 0 }, 8, 6 * MINUTE);
  count(estimate, { running: 1, counters: counters(10), ownInFlight: 0 }, 8, 6 * MINUTE);
  assert.equal(estimate.mostRan, 1);
});

Deno.test("seats are limited to ten times the capacity or the own requests", () => {
  const { estimate } = estimateWith();
  const ran = (running: number, ownInFlight: number) => {
    count(estimate, { running, ownInFlight }, 3, 60_000);
    return estimate.mostRan;
  };
  assert.equal(ran(20, 0), 20);
  assert.equal(ran(1_000_000, 0), 30);
  assert.equal(ran(250, 25), 250);
  assert.equal(ran(1_000_000, 40), 400);
});
