import { longestWaiting, passTime, pendingTokens } from "./prefill_queue.ts";
import type { ServerEstimate } from "./server_estimate.ts";
import type { LatencyModel } from "./latency_model.ts";
import { currentRates } from "./hit_calibration.ts";
import type { WorkSnapshot } from "./prompt_profile.ts";

/**
 * What is under way at a server and what was learned of it.
 *
 * @param now monotonic time in milliseconds
 */
export function snapshotOf(
  book: ServerEstimate,
  pace: LatencyModel,
  prefixBlocks: number,
  now: number,
): WorkSnapshot {
  passTime(book.backlog, now);
  return {
    ...pace,
    pendingTokens: pendingTokens(book.backlog, pace.secondsPerToken, now),
    prefixBlocks,
    ...currentRates(book.trust, now),
    prefixTrust: book.trust.share,
  };
}

/** Expected time for the longest prompt that waits, in milliseconds; 0 if none waits. */
export function longestPrefillMs(
  { backlog }: ServerEstimate,
  { startSeconds, secondsPerToken }: LatencyModel,
): number {
  const tokens = longestWaiting(backlog);
  return tokens === 0 ? 0 : 1000 * (startSeconds + tokens * secondsPerToken);
}
