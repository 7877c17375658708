import { longestWaiting, passTime, pendingOf } from "./prefill_queue.ts";
import type { ServerEstimate } from "./server_estimate.ts";
import type { LatencyModel } from "./latency_model.ts";
import { currentRates } from "./hit_calibration.ts";
import type { WorkSnapshot } from "./prompt_profile.ts";

/**
 * Takes a snapshot of a server's estimate.
 *
 * @param now monotonic time in milliseconds
 */
export function snapshotOf(
  estimate: ServerEstimate,
  latency: LatencyModel,
  prefixBlocks: number,
  now: number,
): WorkSnapshot {
  passTime(estimate.queue, now);
  return {
    ...latency,
    pendingTokens: pendingOf(estimate.queue, latency.secondsPerToken, latency.growth, now).tokens,
    prefixBlocks,
    ...currentRates(estimate.calibration, now),
    prefixTrust: estimate.calibration.share,
  };
}

/** Returns the expected time to first token of the longest waiting prompt, in milliseconds; 0 if
 * none waits. */
export function longestPrefillMs(
  { queue }: ServerEstimate,
  { startSeconds, secondsPerToken, growth }: LatencyModel,
): number {
  const work = longestWaiting(queue, growth);
  return work === 0 ? 0 : 1000 * (startSeconds + work * secondsPerToken);
}
