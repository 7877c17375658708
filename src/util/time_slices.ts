import type { Walk } from "./walk.ts";

/** Maximum time that other requests wait by default, plus the time of one slice. */
const TURN_MS = 5;

/** Settles when the last walk in line gets its turn. */
let lastTurn: Promise<unknown> = Promise.resolve();

/**
 * Runs a walk to its end. Yields to the event loop every few milliseconds, so that a large body does
 * not delay other requests for long. Of several long walks, only one runs per iteration of the event
 * loop. A short walk finishes without a pause.
 */
export async function inTimeSlices<Result>(walk: Walk<Result>): Promise<Result> {
  let step = walk.next();
  // Most walks finish at once and do not need the clock.
  if (step.done) return step.value;
  for (let startedAt = performance.now(); !step.done; step = walk.next()) {
    startedAt = await nextTimeSlice(startedAt);
  }
  return step.value;
}

/**
 * Yields to the event loop if the current turn has taken long enough.
 *
 * @param startedAt start of the turn, in milliseconds of `performance.now()`
 * @param turnMs how long a turn may take
 * @returns start of the turn in which the caller continues
 */
export async function nextTimeSlice(startedAt: number, turnMs = TURN_MS): Promise<number> {
  if (performance.now() - startedAt < turnMs) return startedAt;
  await (lastTurn = lastTurn.then(nextRound));
  return performance.now();
}

function nextRound(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
