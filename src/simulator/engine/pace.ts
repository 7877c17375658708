import type { Step } from "./scheduler.ts";

/** Speed of an engine. */
export interface Pace {
  /** Prompt tokens computed per second at the beginning of a prompt. */
  readonly prefillTokensPerSecond: number;
  /**
   * Position at which a prompt token takes twice as long as the first, since it attends to all
   * tokens before it. @default Infinity: all take the same time
   */
  readonly prefillDoublesAt?: number;
  /** Duration of a decode step with one sequence, in milliseconds. */
  readonly interTokenMs: number;
  /** Fraction by which each additional sequence lengthens a step. */
  readonly interTokenGrowth: number;
  /** Multiplies the speed of everything. */
  readonly speed: number;
}

/**
 * Returns the duration of a step in milliseconds. The slowest sequence sets the pace for the whole
 * batch, since one pass over the model computes it together.
 *
 * @param slowdown minimum factor that lengthens every step
 */
export function stepDurationMs(step: Step, pace: Pace, slowdown: number): number {
  const { interTokenMs, interTokenGrowth, prefillTokensPerSecond, speed } = pace;
  const { prefillDoublesAt = Infinity } = pace;
  const furtherSequences = step.sequences.length - 1;
  const decodeMs = interTokenMs * (1 + interTokenGrowth * furtherSequences);
  const prefillTokens = step.prefillTokens + step.attendedTokens / prefillDoublesAt;
  const prefillMs = prefillTokens / prefillTokensPerSecond * 1000;
  let slowest = slowdown;
  for (const { request } of step.sequences) {
    slowest = Math.max(slowest, request.slowdown ?? 1);
  }
  return (decodeMs + prefillMs) * slowest / speed;
}
