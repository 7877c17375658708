import assert from "node:assert/strict";
import fc from "fast-check";
import {
  begun,
  computedShare,
  dequeue,
  enqueue,
  hidesFirstTokens,
  lateness,
  longestWaiting,
  newPrefillQueue,
  passTime,
  pendingOf,
  type PrefillQueue,
} from "../../../src/fleet/estimate/prefill_queue.ts";
import { prefillOf } from "../../../src/fleet/estimate/attention.ts";
import type { QueuedRequest } from "../../../src/fleet/estimate/prompt_profile.ts";
import { numRuns } from "../../support/property.ts";
import { profileOf, queuedRequestOf } from "../../support/work.ts";

/** Default seconds per token. */
const SECONDS_PER_TOKEN = 1e-3;

const LATENCY = {
  startSeconds: 0.5,
  secondsPerToken: SECONDS_PER_TOKEN,
  growth: 0,
  secondsPerAnswerToken: 0.03,
};

const pendingTokens = (queue: PrefillQueue, secondsPerToken: number, now: number) =>
  pendingOf(queue, secondsPerToken, 0, now).tokens;

/** A streamed or unstreamed prompt. */
function request(
  { stream = true, ...known }: Partial<QueuedRequest> & { readonly stream?: boolean } = {},
) {
  return queuedRequestOf({ profile: profileOf({ stream }), ...known });
}

Deno.test("all waiting prompts are pending, minus the progress on the first", () => {
  const queue = newPrefillQueue();
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 0), 0);
  enqueue(queue, request({ own: prefillOf(4_000, 4_000) }));
  enqueue(queue, request({ own: prefillOf(500, 500) }));
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 0), 4_500);
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 400), 4_100);
  assert.equal(
    pendingTokens(queue, SECONDS_PER_TOKEN, 60_000),
    500,
    "the second may not have begun",
  );
});

Deno.test("short prompts are computed together, up to one step", () => {
  const queue = newPrefillQueue();
  for (let i = 0; i < 4; i++) enqueue(queue, request());
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 1_500), 2_500);
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 60_000), 4_000 - 2_048);
});

Deno.test("of an aborted prompt, the server has what was cached and what it computed so far", () => {
  const queue = newPrefillQueue();
  const [first, second] = [4_000, 4_000].map((promptTokens) =>
    request({ promptTokens, own: prefillOf(promptTokens, 3_000) })
  );
  enqueue(queue, first!);
  enqueue(queue, second!);
  const shareOf = (one: QueuedRequest, now: number) => computedShare(queue, one, LATENCY, now);
  assert.equal(shareOf(first!, 0), 0.25);
  assert.ok(Math.abs(shareOf(first!, 1_000) - 0.5) < 1e-9);
  assert.equal(shareOf(first!, 60_000), 1);
  assert.equal(shareOf(second!, 1_000), 0, "it is not its turn");
  const waits = newPrefillQueue();
  const queued = request({ promptTokens: 4_000, own: prefillOf(4_000, 3_000), queued: true });
  enqueue(waits, queued);
  assert.equal(computedShare(waits, queued, LATENCY, 1_000), 0, "it has no seat");
  const whole = request({ stream: false });
  assert.deepEqual([shareOf(whole, 999), shareOf(whole, 1_000)], [0, 1]);
});

Deno.test("lateness is the first prompt's time relative to the expected time", () => {
  const queue = newPrefillQueue();
  assert.equal(lateness(queue, LATENCY, 60_000), 1);
  const first = request({ own: prefillOf(4_500, 4_500) });
  enqueue(queue, first);
  assert.equal(lateness(queue, LATENCY, 4_000), 1);
  assert.equal(lateness(queue, LATENCY, 5_000), 1);
  assert.equal(lateness(queue, LATENCY, 15_000), 3);
  enqueue(queue, request());
  begun(queue, first, 15_000);
  assert.equal(lateness(queue, LATENCY, 16_000), 1, "the next one has its own time");
});

Deno.test("requests that wait for a seat or aren't streamed cause no lateness", () => {
  for (const known of [{ queued: true }, { stream: false }]) {
    const queue = newPrefillQueue();
    enqueue(queue, request(known));
    assert.equal(lateness(queue, LATENCY, 60_000), 1);
  }
});

Deno.test("the next prompt starts when the first has its token", () => {
  const queue = newPrefillQueue();
  const [first, second] = [request(), request()];
  enqueue(queue, first);
  enqueue(queue, second);
  assert.equal(begun(queue, first, 1_200), 1.2);
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 1_200), 1_000);
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 1_500), 700);
  assert.equal(begun(queue, second, 2_000), 0.8);
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 2_000), 0);
});

Deno.test("a prompt never starts before it was sent", () => {
  const queue = newPrefillQueue();
  enqueue(queue, request({ at: 5_000 }));
  assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, 5_100), 900);
});

Deno.test("an unstreamed request leaves the queue at its expected first token", () => {
  const queue = newPrefillQueue();
  const stream = request();
  enqueue(queue, request({ stream: false }));
  enqueue(queue, stream);
  passTime(queue, 999);
  assert.equal(queue.waiting.size, 2);
  passTime(queue, 5_000);
  assert.deepEqual([...queue.waiting], [stream]);
  assert.equal(begun(queue, stream, 1_500), 0.5, "it began when the other had its time");
});

Deno.test("an unstreamed request behind a stream leaves after it", () => {
  const queue = newPrefillQueue();
  enqueue(queue, request());
  enqueue(queue, request({ stream: false }));
  passTime(queue, 60_000);
  assert.equal(queue.waiting.size, 2);
});

Deno.test("first tokens are hidden while an unstreamed request waits", () => {
  const queue = newPrefillQueue();
  enqueue(queue, request());
  assert.equal(hidesFirstTokens(queue), false);
  enqueue(queue, request({ stream: false }));
  assert.equal(hidesFirstTokens(queue), true);
});

Deno.test("a first token removes earlier unstreamed requests, but not earlier streams", () => {
  const queue = newPrefillQueue();
  const requests = [
    request({ stream: false }),
    request(),
    request(),
    request({ stream: false }),
  ];
  for (const request of requests) enqueue(queue, request);
  begun(queue, requests[2]!, 100);
  assert.deepEqual([...queue.waiting], [requests[1], requests[3]]);
  assert.equal(queue.first, requests[1]);
});

Deno.test("removing a request twice removes it once", () => {
  const queue = newPrefillQueue();
  const [first, second] = [request(), request()];
  enqueue(queue, first);
  enqueue(queue, second);
  assert.equal(dequeue(queue, first), true);
  assert.equal(dequeue(queue, first), false);
  assert.equal(queue.total.tokens, 1_000);
});

Deno.test("in any order of operations, the tokens are those of waiting requests, and finally zero", () => {
  const came = fc.record({
    do: fc.constant("come" as const),
    ownTokens: fc.double({ min: 1, max: 1e5, noNaN: true }),
    stream: fc.boolean(),
  });
  const which = fc.nat();
  const event = fc.oneof(
    { weight: 2, arbitrary: came },
    fc.record({ do: fc.constant("begin" as const), which }),
    fc.record({ do: fc.constant("end" as const), which }),
    fc.record({ do: fc.constant("pass" as const) }),
  );
  const events = fc.array(fc.tuple(event, fc.nat(2_000)), { maxLength: 40 });
  fc.assert(
    fc.property(events, (events) => {
      const queue = newPrefillQueue();
      const all: QueuedRequest[] = [];
      let now = 0;
      for (const [event, laterMs] of events) {
        now += laterMs;
        if (event.do === "come") {
          all.push(request({ ...event, at: now, expectedAt: now + event.ownTokens }));
          enqueue(queue, all.at(-1)!);
        } else if (event.do === "pass") passTime(queue, now);
        else if (all.length > 0) {
          const one = all[event.which % all.length]!;
          if (event.do === "end") dequeue(queue, one);
          else if (queue.waiting.has(one)) assert.ok(begun(queue, one, now) >= 0);
        }
        const waiting = [...queue.waiting].reduce((sum, one) => sum + one.own.tokens, 0);
        assert.ok(Math.abs(queue.total.tokens - waiting) < 1e-6);
        assert.ok(pendingTokens(queue, SECONDS_PER_TOKEN, now) <= waiting + 1e-6);
        assert.equal(queue.first, [...queue.waiting][0]);
      }
      for (const one of all) dequeue(queue, one);
      assert.equal(queue.total.tokens, 0);
      assert.equal(pendingTokens(queue, SECONDS_PER_TOKEN, now), 0);
    }),
    { numRuns },
  );
});

Deno.test("the longest waiting prompt is known until it is computed", () => {
  const queue = newPrefillQueue();
  assert.equal(longestWaiting(queue, 0), 0);
  const [short, long] = [100, 5_000].map((tokens) =>
    queuedRequestOf({ own: prefillOf(tokens, tokens) })
  );
  for (const request of [short!, long!]) enqueue(queue, request);
  assert.equal(longestWaiting(queue, 0), 5_000);
  dequeue(queue, long!);
  assert.equal(longestWaiting(queue, 0), 100);
});
