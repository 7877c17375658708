import { setTimeout as delay } from "node:timers/promises";
import { jittered } from "./jitter.ts";

/** Share of an interval by which each wait is shortened or lengthened, so that polls spread out. */
const JITTER = 0.1;

/**
 * Runs `task` at once and then again and again, each time `intervalMs()` after the last one ended,
 * until the signal aborts. Two runs never overlap. The task deals with its own failures.
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

/** Waits, or returns at once when the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // The only way it fails is the abort.
  await delay(ms, undefined, { signal }).catch(() => {});
}
