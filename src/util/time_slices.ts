import type { Walk } from "./walk.ts";

/** Other requests wait at most this long, plus the time of one slice. */
const TURN_MS = 5;

/** Settles when the last walk that asked for a turn has got it. */
let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Runs a walk to its end. Every few milliseconds the event loop gets to run, so that one large body
 * delays no other request for long. Of several long walks one runs between two rounds of the event
 * loop. A walk that is short ends without a pause.
 */
export async function inTimeSlices<Result>(walk: Walk<Result>): Promise<Result> {
  let step = walk.next();
  // Most are done at once and need no clock.
  if (step.done) return step.value;
  for (let startedAt = performance.now(); !step.done; step = walk.next()) {
    startedAt = await nextTimeSlice(startedAt);
  }
  return step.value;
}

/**
 * Lets the event loop run where a turn has taken long enough.
 *
 * @param startedAt when it began, on the clock of `performance.now()`
 * @returns when the turn began in which it goes on
 */
export async function nextTimeSlice(startedAt: number): Promise<number> {
  if (performance.now() - startedAt < TURN_MS) return startedAt;
  await (lastTurn = lastTurn.then(nextRound));
  return performance.now();
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
