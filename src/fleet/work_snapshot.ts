import { longestWaiting, passTime, pendingTokens } from "./backlog.ts";
import type { Book } from "./book.ts";
import type { Pace } from "./pace.ts";
import { currentRates } from "./trust.ts";
import type { WorkSnapshot } from "./work.ts";

/**
 * What is under way at a server and what was learned of it.
 *
 * @param now monotonic time in milliseconds
 */
export function snapshotOf(
  book: Book,
  pace: Pace,
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
  { backlog }: Book,
  { startSeconds, secondsPerToken }: Pace,
): number {
  const tokens = longestWaiting(backlog);
  return tokens === 0 ? 0 : 1000 * (startSeconds + tokens * secondsPerToken);
}
