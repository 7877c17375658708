import assert from "node:assert/strict";
import type { Held } from "../../../bench/soak/gateway.ts";
import { growth, secondHalf } from "../../../bench/soak/growth.ts";
import { problemsOf, type Soaked } from "../../../bench/soak/report.ts";

const about = (value: number, expected: number) =>
  assert.ok(Math.abs(value - expected) < 1e-9, `${value} is not ${expected}`);

Deno.test("growth is that of the line through the samples, as a share of their mean", () => {
  about(growth([100, 100, 100]), 0);
  about(growth([90, 100, 110]), 0.2);
  about(growth([110, 100, 90]), -0.2);
  about(growth([5]), 0);
  // One that is off in the middle tells of no growth.
  about(growth([100, 100, 200, 100, 100]), 0);
});

Deno.test("the second half is the later one", () => {
  assert.deepEqual(secondHalf([1, 2, 3, 4]), [3, 4]);
  assert.deepEqual(secondHalf([1, 2, 3]), [2, 3]);
});

const HELD: Held = { rss: 100, heap: 10, external: 1, descriptors: 20, inFlight: 0 };
const WELL: Soaked = {
  fates: { answered: 80, left: 20, broken: 0, refused: 0, wrong: 0 },
  seconds: 1,
  failed: 10,
  samples: Array.from({ length: 40 }, () => HELD),
  idle: HELD,
  last: HELD,
  leftAtServers: 0,
  ending: undefined,
};

Deno.test("a soak that leaves nothing behind has no problem", () => {
  assert.deepEqual(problemsOf(WELL), []);
});

Deno.test("memory may grow while it warms up, and no longer", () => {
  const rising = (from: number) =>
    Array.from({ length: 40 }, (_, index) => ({ ...HELD, heap: 10 + Math.max(0, index - from) }));
  const warming = Array.from({ length: 40 }, (_, index) => ({ ...HELD, rss: Math.min(20, index) }));
  assert.deepEqual(problemsOf({ ...WELL, samples: warming }), []);
  assert.match(problemsOf({ ...WELL, samples: rising(20) })[0]!, /^heap grew by/);
});

Deno.test("whatever is left is a problem of its own", () => {
  const last = { ...HELD, descriptors: 21, inFlight: 1 };
  const problems = problemsOf({
    ...WELL,
    last,
    leftAtServers: 2,
    ending: "the router is still at work",
    fates: { ...WELL.fates, wrong: 1 },
  });
  assert.equal(problems.length, 5);
});
