import type { KvCache } from "./kv_cache.ts";
import type { Scheduler } from "./scheduler.ts";
import { attendedTokens, type Sequence, tokenCount } from "./sequence.ts";

/** The true state of an engine at one moment, as one prompt would find it. */
export interface Outlook {
  /** Sequences in the batch. */
  readonly running: number;
  /** Sequences waiting for a place in the batch. */
  readonly waiting: number;
  /** Tokens those sequences must still compute before each can generate its next token. */
  readonly pendingTokens: number;
  /** Sum, over those, of the tokens before each, which it attends to. */
  readonly pendingAttendedTokens: number;
  /** Prompt tokens that will be cached by the time the prompt is scheduled. */
  readonly cachedTokens: number;
  /** Milliseconds until the current step ends; 0 when no step is under way. */
  readonly stepLeftMs: number;
  /** Factor that lengthens the next steps. */
  readonly slowdown: number;
}

/**
 * Looks up a prompt's full blocks and counts the work ahead of it. Blocks that earlier sequences
 * have yet to compute count as cached, since they will be cached when the prompt's turn comes.
 */
export function outlookFor(
  blockHashes: readonly number[],
  { running, waiting }: Pick<Scheduler, "running" | "waiting">,
  cache: KvCache,
): Omit<Outlook, "stepLeftMs" | "slowdown"> {
  const coming = new Set<number>();
  const willBeCached = (hashes: readonly number[]): number => {
    let blocks = 0;
    while (blocks < hashes.length && (cache.has(hashes[blocks]!) || coming.has(hashes[blocks]!))) {
      blocks++;
    }
    return blocks * cache.blockSize;
  };
  let pendingTokens = 0;
  let pendingAttendedTokens = 0;
  const add = (sequence: Sequence, doneTokens: number): void => {
    const left = tokenCount(sequence) - doneTokens;
    if (left <= 0) return;
    pendingTokens += left;
    pendingAttendedTokens += attendedTokens(left, doneTokens);
    for (const hash of sequence.blockHashes) coming.add(hash);
  };
  // The current step's tokens count as done; `stepLeftMs` covers the time until then.
  for (const sequence of running) add(sequence, sequence.computed + sequence.scheduled);
  for (const sequence of waiting) add(sequence, willBeCached(sequence.blockHashes));
  const cachedTokens = willBeCached(blockHashes);
  return {
    running: running.length,
    waiting: waiting.length,
    pendingTokens,
    pendingAttendedTokens,
    cachedTokens,
  };
}
