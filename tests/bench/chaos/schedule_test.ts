import assert from "node:assert/strict";
import { kinds } from "../../../bench/chaos/kinds.ts";
import {
  createSchedule,
  RECOVERY_SECONDS,
  type Span,
  TURN_SECONDS,
} from "../../../bench/chaos/schedule.ts";

const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);
const overlap = (a: Span, b: Span) => a.from < b.to && b.from < a.to;

Deno.test("the same seed makes the same schedule, another seed another one", () => {
  const options = { seed: 7, seconds: 60, servers: 5 };
  assert.deepEqual(createSchedule(options), createSchedule(options));
  assert.notDeepEqual(createSchedule(options), createSchedule({ ...options, seed: 8 }));
});

Deno.test("a minute has every kind of trouble in it", () => {
  for (const seed of SEEDS) {
    const { strikes, allOut } = createSchedule({ seed, seconds: 60, servers: 5 });
    const names = new Set(strikes.map(({ name }) => name));
    assert.deepEqual(kinds.filter(({ name }) => !names.has(name)).map(({ name }) => name), []);
    assert.equal(strikes.filter(({ name }) => name === "all out").length, 5);
    assert.equal(Math.round(allOut!.to - allOut!.from), 3);
  }
});

Deno.test("at every moment one server is free of faults for as long as a request may wait", () => {
  for (const servers of [3, 5, 8]) {
    for (const seed of SEEDS) {
      const { strikes, allOut, faultFree } = createSchedule({ seed, seconds: 60, servers });
      for (let from = 0; from < 59; from += 0.25) {
        const wait = { from, to: Math.min(59, from + TURN_SECONDS) };
        const exempt = allOut && { from: allOut.from, to: allOut.to + RECOVERY_SECONDS };
        if (exempt && overlap(wait, exempt)) continue;
        const free = Array.from({ length: servers }, (_, server) => server).filter((server) =>
          !strikes.some((strike) => strike.server === server && overlap(strike, wait))
        );
        assert.ok(free.length > 0, `seed ${seed}, ${servers} servers, second ${from}`);
      }
      for (const span of faultFree) {
        assert.ok(
          !strikes.some((strike) => strike.server === span.server && overlap(strike, span)),
        );
      }
    }
  }
});

Deno.test("every server has its turn to be free of faults, and its troubles never overlap", () => {
  for (const seed of SEEDS) {
    const { strikes, faultFree } = createSchedule({ seed, seconds: 60, servers: 5 });
    assert.equal(new Set(faultFree.map(({ server }) => server)).size, 5);
    for (let server = 0; server < 5; server++) {
      const own = strikes.filter((strike) => strike.server === server);
      own.forEach((strike, index) => {
        assert.ok(strike.from < strike.to);
        assert.ok(index === 0 || own[index - 1]!.to <= strike.from);
      });
    }
  }
});

Deno.test("a run too short for it never has all servers out", () => {
  const { strikes, allOut } = createSchedule({ seed: 1, seconds: 10, servers: 3 });
  assert.equal(allOut, undefined);
  assert.ok(strikes.length > 0 && strikes.every(({ to }) => to <= 9));
});
