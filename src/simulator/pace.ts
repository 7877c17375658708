import type { Step } from "./scheduler.ts";

/** How fast an engine computes. */
export interface Pace {
  /** Prompt tokens computed in a second. */
  readonly prefillTokensPerSecond: number;
  /** Time of a decode step with one sequence. */
  readonly interTokenMs: number;
  /** Share by which each further sequence slows a step. */
  readonly interTokenGrowth: number;
  /** Multiplies the speed of everything. */
  readonly speed: number;
}

/**
 * How long a step takes, in milliseconds. Its slowest sequence sets the pace for all in it, as one
 * pass over the model computes them together.
 *
 * @param slowdown how many times as long every step takes at least
 */
export function stepDurationMs(step: Step, pace: Pace, slowdown: number): number {
  const { interTokenMs, interTokenGrowth, prefillTokensPerSecond, speed } = pace;
  const furtherSequences = step.sequences.length - 1;
  const decodeMs = interTokenMs * (1 + interTokenGrowth * furtherSequences);
  const prefillMs = step.prefillTokens / prefillTokensPerSecond * 1000;
  let slowest = slowdown;
  for (const { request } of step.sequences) {
    slowest = Math.max(slowest, request.slowdown ?? 1);
  }
  return (decodeMs + prefillMs) * slowest / speed;
}
