import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addAnswer,
  type AnswerKind,
  countAnswers,
  noAnswers,
  sumAnswers,
} from "../../../src/fleet/health/recent_answers.ts";
import { numRuns } from "../../support/property.ts";

const NOW = 1_000_000;

function recentOf(...kinds: AnswerKind[]) {
  const recent = noAnswers();
  for (const kind of kinds) addAnswer(recent, kind, NOW);
  return recent;
}

Deno.test("a server without answers has none of any kind", () => {
  assert.deepEqual(countAnswers(noAnswers(), NOW), { good: 0, failed: 0, clientErrors: 0 });
  assert.deepEqual(countAnswers(noAnswers(), 0), { good: 0, failed: 0, clientErrors: 0 });
});

Deno.test("answers are counted by their kind", () => {
  const recent = recentOf("good", "failed", "client_error", "good", "good", "client_error");
  assert.deepEqual(countAnswers(recent, NOW), { good: 3, failed: 1, clientErrors: 2 });
});

Deno.test("an answer counts for 30 s", () => {
  const recent = recentOf("failed");
  assert.equal(countAnswers(recent, NOW + 30_000).failed, 1);
  assert.equal(countAnswers(recent, NOW + 30_001).failed, 0);
});

Deno.test("the 20 latest count, however many there were", () => {
  const recent = noAnswers();
  for (let i = 0; i < 100; i++) addAnswer(recent, "failed", NOW);
  assert.equal(countAnswers(recent, NOW).failed, 20);
  for (let i = 0; i < 15; i++) addAnswer(recent, "good", NOW);
  assert.deepEqual(countAnswers(recent, NOW), { good: 15, failed: 5, clientErrors: 0 });
});

Deno.test("answers from before a given time don't count", () => {
  const recent = recentOf("failed", "failed");
  addAnswer(recent, "good", NOW + 10);
  assert.deepEqual(countAnswers(recent, NOW + 20, NOW + 10), {
    good: 1,
    failed: 0,
    clientErrors: 0,
  });
});

Deno.test("counts of servers add up, and are zero for none", () => {
  const counts = [recentOf("good", "good"), recentOf("failed", "good", "client_error")].map((
    recent,
  ) => countAnswers(recent, NOW));
  assert.deepEqual(sumAnswers(counts), { good: 3, failed: 1, clientErrors: 1 });
  assert.deepEqual(sumAnswers([]), { good: 0, failed: 0, clientErrors: 0 });
});

Deno.test("a ring counts the same as a list of all answers", () => {
  const kind = fc.constantFrom<AnswerKind>("good", "failed", "client_error");
  fc.assert(
    fc.property(
      fc.array(fc.tuple(kind, fc.nat(5_000)), { maxLength: 60 }),
      fc.nat(40_000),
      (answers, laterMs) => {
        const recent = noAnswers();
        const all: { kind: AnswerKind; at: number }[] = [];
        let now = NOW;
        for (const [kind, afterMs] of answers) {
          now += afterMs;
          addAnswer(recent, kind, now);
          all.push({ kind, at: now });
        }
        now += laterMs;
        const window = all.slice(-20).filter(({ at }) => now - at <= 30_000);
        const count = (kind: AnswerKind) => window.filter((answer) => answer.kind === kind).length;
        assert.deepEqual(countAnswers(recent, now), {
          good: count("good"),
          failed: count("failed"),
          clientErrors: count("client_error"),
        });
      },
    ),
    { numRuns },
  );
});
