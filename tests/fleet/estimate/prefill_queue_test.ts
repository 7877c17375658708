import assert from "node:assert/strict";
import fc from "fast-check";
import {
  begun,
  dequeue,
  enqueue,
  hidesFirstTokens,
  lateness,
  longestWaiting,
  newPrefillQueue,
  passTime,
  pendingTokens,
} from "../../../src/fleet/estimate/prefill_queue.ts";
import type { QueuedRequest } from "../../../src/fleet/estimate/prompt_profile.ts";
import { numRuns } from "../../support/property.ts";
import { ticketOf, workOf } from "../../support/work.ts";

/** Seconds for each token, unless a test is about something else. */
const PACE = 1e-3;

/** A prompt of a stream, or of a whole answer. */
function ticket(
  { stream = true, ...known }: Partial<QueuedRequest> & { readonly stream?: boolean } = {},
) {
  return ticketOf({ work: workOf({ stream }), ...known });
}

Deno.test("all prompts that wait are pending, the first of them less what has been done", () => {
  const backlog = newPrefillQueue();
  assert.equal(pendingTokens(backlog, PACE, 0), 0);
  enqueue(backlog, ticket({ ownTokens: 4_000 }));
  enqueue(backlog, ticket({ ownTokens: 500 }));
  assert.equal(pendingTokens(backlog, PACE, 0), 4_500);
  assert.equal(pendingTokens(backlog, PACE, 400), 4_100);
  assert.equal(pendingTokens(backlog, PACE, 60_000), 500, "the second may not have begun");
});

Deno.test("short prompts are computed together, as far as one step goes", () => {
  const backlog = newPrefillQueue();
  for (let i = 0; i < 4; i++) enqueue(backlog, ticket());
  assert.equal(pendingTokens(backlog, PACE, 1_500), 2_500);
  assert.equal(pendingTokens(backlog, PACE, 60_000), 4_000 - 2_048);
});

Deno.test("a server is late by as much as its first prompt takes longer than usual", () => {
  const pace = { startSeconds: 0.5, secondsPerToken: PACE, secondsPerAnswerToken: 0.03 };
  const backlog = newPrefillQueue();
  assert.equal(lateness(backlog, pace, 60_000), 1);
  const first = ticket({ ownTokens: 4_500 });
  enqueue(backlog, first);
  assert.equal(lateness(backlog, pace, 4_000), 1);
  assert.equal(lateness(backlog, pace, 5_000), 1);
  assert.equal(lateness(backlog, pace, 15_000), 3);
  enqueue(backlog, ticket());
  begun(backlog, first, 15_000);
  assert.equal(lateness(backlog, pace, 16_000), 1, "the next one has its own time");
});

Deno.test("who waits for a seat, or shows no first token, makes no server late", () => {
  const pace = { startSeconds: 0.5, secondsPerToken: PACE, secondsPerAnswerToken: 0.03 };
  for (const known of [{ queued: true }, { stream: false }]) {
    const backlog = newPrefillQueue();
    enqueue(backlog, ticket(known));
    assert.equal(lateness(backlog, pace, 60_000), 1);
  }
});

Deno.test("the next prompt begins when the first has its token", () => {
  const backlog = newPrefillQueue();
  const [first, second] = [ticket(), ticket()];
  enqueue(backlog, first);
  enqueue(backlog, second);
  assert.equal(begun(backlog, first, 1_200), 1.2);
  assert.equal(pendingTokens(backlog, PACE, 1_200), 1_000);
  assert.equal(pendingTokens(backlog, PACE, 1_500), 700);
  assert.equal(begun(backlog, second, 2_000), 0.8);
  assert.equal(pendingTokens(backlog, PACE, 2_000), 0);
});

Deno.test("a prompt that comes later begins no sooner than it came", () => {
  const backlog = newPrefillQueue();
  enqueue(backlog, ticket({ at: 5_000 }));
  assert.equal(pendingTokens(backlog, PACE, 5_100), 900);
});

Deno.test("a whole answer, whose first token nobody sees, leaves when its time has come", () => {
  const backlog = newPrefillQueue();
  const stream = ticket();
  enqueue(backlog, ticket({ stream: false }));
  enqueue(backlog, stream);
  passTime(backlog, 999);
  assert.equal(backlog.waiting.size, 2);
  passTime(backlog, 5_000);
  assert.deepEqual([...backlog.waiting], [stream]);
  assert.equal(begun(backlog, stream, 1_500), 0.5, "it began when the other had its time");
});

Deno.test("a whole answer behind a stream has its turn after that", () => {
  const backlog = newPrefillQueue();
  enqueue(backlog, ticket());
  enqueue(backlog, ticket({ stream: false }));
  passTime(backlog, 60_000);
  assert.equal(backlog.waiting.size, 2);
});

Deno.test("first tokens are hidden where a whole answer waits for its own", () => {
  const backlog = newPrefillQueue();
  enqueue(backlog, ticket());
  assert.equal(hidesFirstTokens(backlog), false);
  enqueue(backlog, ticket({ stream: false }));
  assert.equal(hidesFirstTokens(backlog), true);
});

Deno.test("a first token tells that whole answers asked for before have theirs, streams don't", () => {
  const backlog = newPrefillQueue();
  const tickets = [ticket({ stream: false }), ticket(), ticket(), ticket({ stream: false })];
  for (const ticket of tickets) enqueue(backlog, ticket);
  begun(backlog, tickets[2]!, 100);
  assert.deepEqual([...backlog.waiting], [tickets[1], tickets[3]]);
  assert.equal(backlog.first, tickets[1]);
});

Deno.test("taking one out twice takes out one", () => {
  const backlog = newPrefillQueue();
  const [first, second] = [ticket(), ticket()];
  enqueue(backlog, first);
  enqueue(backlog, second);
  assert.equal(dequeue(backlog, first), true);
  assert.equal(dequeue(backlog, first), false);
  assert.equal(backlog.tokens, 1_000);
});

Deno.test("whatever comes and goes in whatever order, tokens are those of who waits, and at last none", () => {
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
      const backlog = newPrefillQueue();
      const all: QueuedRequest[] = [];
      let now = 0;
      for (const [event, laterMs] of events) {
        now += laterMs;
        if (event.do === "come") {
          all.push(ticket({ ...event, at: now, expectedAt: now + event.ownTokens }));
          enqueue(backlog, all.at(-1)!);
        } else if (event.do === "pass") passTime(backlog, now);
        else if (all.length > 0) {
          const one = all[event.which % all.length]!;
          if (event.do === "end") dequeue(backlog, one);
          else if (backlog.waiting.has(one)) assert.ok(begun(backlog, one, now) >= 0);
        }
        const waiting = [...backlog.waiting].reduce((sum, one) => sum + one.ownTokens, 0);
        assert.ok(Math.abs(backlog.tokens - waiting) < 1e-6);
        assert.ok(pendingTokens(backlog, PACE, now) <= waiting + 1e-6);
        assert.equal(backlog.first, [...backlog.waiting][0]);
      }
      for (const one of all) dequeue(backlog, one);
      assert.equal(backlog.tokens, 0);
      assert.equal(pendingTokens(backlog, PACE, now), 0);
    }),
    { numRuns },
  );
});

Deno.test("the longest prompt that waits is known until it is computed", () => {
  const backlog = newPrefillQueue();
  assert.equal(longestWaiting(backlog), 0);
  const [short, long] = [100, 5_000].map((ownTokens) => ticketOf({ ownTokens }));
  for (const ticket of [short!, long!]) enqueue(backlog, ticket);
  assert.equal(longestWaiting(backlog), 5_000);
  dequeue(backlog, long!);
  assert.equal(longestWaiting(backlog), 100);
});
