import { BLOCK_SIZE, type KvCache } from "./kv_cache.ts";
import type { Scheduler } from "./scheduler.ts";
import { type Sequence, tokenCount } from "./sequence.ts";

/** What a prompt would meet in an engine: its true state at one moment. */
export interface Outlook {
  /** Sequences in the batch. */
  readonly running: number;
  /** Sequences that wait for a place in it. */
  readonly waiting: number;
  /** Tokens of all of them that are to be computed before their next one can be generated. */
  readonly pendingTokens: number;
  /** Tokens of the prompt that needn't be computed when its turn comes. */
  readonly cachedTokens: number;
  /** Until the step under way ends, in milliseconds; 0 where there is none. */
  readonly stepLeftMs: number;
  /** How many times as long as usual the next steps take. */
  readonly slowdown: number;
}

/**
 * Looks a prompt's full blocks up, and counts the work before it. What those before it are going to
 * compute will be in the cache when its turn comes, so it counts as cached.
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
    return blocks * BLOCK_SIZE;
  };
  let pendingTokens = 0;
  const add = (sequence: Sequence, doneTokens: number): void => {
    const left = tokenCount(sequence) - doneTokens;
    if (left <= 0) return;
    pendingTokens += left;
    for (const hash of sequence.blockHashes) coming.add(hash);
  };
  // What the step under way computes is done when it ends, which `stepLeftMs` tells.
  for (const sequence of running) add(sequence, sequence.computed + sequence.scheduled);
  for (const sequence of waiting) add(sequence, willBeCached(sequence.blockHashes));
  const cachedTokens = willBeCached(blockHashes);
  return { running: running.length, waiting: waiting.length, pendingTokens, cachedTokens };
}
