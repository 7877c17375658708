import assert from "node:assert/strict";
import { explainAborts, freeingTimes } from "../../../bench/chaos/aborts.ts";
import type { Got } from "../../../bench/chaos/client.ts";
import type { Case } from "../../../bench/chaos/judge.ts";
import type { Attempt } from "../../../bench/chaos/servers.ts";

/** A request with those attempts, each as server and ending. */
function caseOf(id: string, ended: Got["ended"], ...attempts: [number, Attempt["how"]][]): Case {
  return {
    asking: { id },
    got: { ended, endedAt: 100 },
    attempts: attempts.map(([server, how], index) => ({
      server,
      id: `${id}-${index}`,
      how,
      endedAt: 110 + index,
    })),
  } as unknown as Case;
}

const NOTHING_TOLD = { moved: new Map(), accounted: new Map() };
const moved = (id: string, from: number) => ({
  ...NOTHING_TOLD,
  moved: new Map([[id, [{ from, reason: "timeout" }]]]),
});

function summary(cases: readonly Case[], told = NOTHING_TOLD) {
  return explainAborts(cases, 2, told).map((
    { aborted, left, givenUp, unexplained },
  ) => [aborted, left, givenUp, unexplained.length]);
}

Deno.test("what its client left is explained by that", () => {
  assert.deepEqual(summary([caseOf("a", "left", [0, "aborted"])]), [[1, 1, 0, 0], [0, 0, 0, 0]]);
});

Deno.test("what the router moved is given up, and only the last attempt was left", () => {
  const one = caseOf("a", "left", [0, "aborted"], [1, "aborted"]);
  assert.deepEqual(summary([one], moved("a", 0)), [[1, 0, 1, 0], [1, 1, 0, 0]]);
  // Without a word of the router's, one client can't have left two servers.
  assert.deepEqual(summary([one]), [[1, 0, 0, 1], [1, 1, 0, 0]]);
});

Deno.test("a stream that the router ended with an error is given up", () => {
  const accounted = new Map([
    ["a", { status: 200, attempts: 1, outcome: "upstream_error", server: "x" }],
  ]);
  const one = caseOf("a", "broken", [1, "aborted"]);
  assert.deepEqual(summary([one], { ...NOTHING_TOLD, accounted })[1], [1, 0, 1, 0]);
});

Deno.test("what was cut off with its router is explained by that", () => {
  const one: Case = { ...caseOf("a", "broken", [0, "aborted"]), router: "killed" };
  assert.deepEqual(summary([one])[0], [1, 1, 0, 0]);
});

Deno.test("an abort that nobody wanted is unexplained", () => {
  assert.deepEqual(summary([caseOf("a", "clean", [0, "aborted"], [1, "finished"])])[0], [
    1,
    0,
    0,
    1,
  ]);
});

Deno.test("what a server ended itself is no abort", () => {
  const cases = [caseOf("a", "left", [0, "finished"]), caseOf("b", "clean", [0, "failed"])];
  assert.deepEqual(summary(cases)[0], [0, 0, 0, 0]);
  assert.deepEqual(freeingTimes(cases), []);
});

Deno.test("a server is freed when the attempt that its client left ends there", () => {
  const cases = [caseOf("a", "left", [0, "failed"], [1, "aborted"]), caseOf("b", "clean")];
  assert.deepEqual(freeingTimes(cases), [11]);
});
