import assert from "node:assert/strict";
import { secondsOut, takenOut } from "../../../bench/chaos/recovery.ts";

const TURNS = [{ server: 0, from: 10, to: 20 }];
const entered = (at: number, to: string, server = 0) => ({ at, server, to, reason: "" });

Deno.test("a server that was healthy when its turn began was never missed", () => {
  const states = [entered(-1, "healthy"), entered(5, "unhealthy", 1), entered(15, "unhealthy")];
  assert.deepEqual(secondsOut(TURNS, states), [0]);
});

Deno.test("a server is out until it is healthy, at most as long as its turn lasts", () => {
  const states = [entered(-1, "healthy"), entered(5, "unhealthy")];
  const back = [...states, entered(11, "half-open"), entered(12, "healthy")];
  assert.deepEqual(secondsOut(TURNS, back), [2]);
  assert.deepEqual(secondsOut(TURNS, states), [10]);
  assert.deepEqual(secondsOut(TURNS, [...states, entered(30, "healthy")]), [10]);
});

Deno.test("a server is taken out without cause only some time after its last trouble", () => {
  const states = [
    entered(9, "unhealthy"),
    entered(12, "unhealthy"),
    entered(15, "unhealthy", 1),
    entered(16, "draining"),
    entered(21, "unhealthy"),
  ];
  assert.deepEqual(takenOut(TURNS, states), []);
  const [out] = takenOut(TURNS, [...states, entered(14, "stalled")]);
  assert.equal(out!.to, "stalled");
});
