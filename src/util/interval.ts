import { setTimeout as delay } from "node:timers/promises";
import { jittered } from "./jitter.ts";

/** Maximum change of each wait as a fraction of the interval, so that polls spread out. */
const JITTER = 0.1;

/**
 * Runs `task` at once and then repeatedly, about `intervalMs()` after the previous run ended, until
 * the signal aborts. Runs never overlap. The task must handle its own errors.
 */
export async function repeat(
  task: () => Promise<void>,
  intervalMs: () => number,
  signal: AbortSignal,
  random: () => number = Math.random,
): Promise<void> {
  while (!signal.aborted) {
    await task();
    await pause(jittered(intervalMs(), JITTER, random), signal);
  }
}

/** Waits for `ms` milliseconds, or until the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Aborting is its only cause of rejection.
  await delay(ms, undefined, { signal }).catch(() => {});
}
