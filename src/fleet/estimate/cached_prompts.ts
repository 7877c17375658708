import { createPrefixIndex } from "./prefix_index.ts";
import {
  BLOCK_BYTES,
  type Ended,
  MOST_PREFIX_BLOCKS,
  type PromptProfile,
} from "./prompt_profile.ts";
import { createSessions } from "./sessions.ts";

/** Over all servers; each takes about 50 bytes. */
const MOST_SESSIONS = 100_000;
/** Assumed size of a KV cache, in tokens, if unknown. */
export const USUAL_CACHE_TOKENS = 500_000;

/** What servers have in their prefix caches, as far as this router sent it. Servers are slots. */
export interface CachedPrompts {
  /** Returns how many of a prompt's first blocks each server has. */
  match(profile: PromptProfile): (slot: number) => number;
  /** Returns the server that last had the prompt's session, if known. */
  sessionSlot(profile: PromptProfile): number | undefined;
  /** Records that a prompt is sent to a server. */
  sent(slot: number, profile: PromptProfile): void;
  /** Records that a server has computed a prompt. */
  computed(slot: number, profile: PromptProfile): void;
  /** Records that a server has computed only this share of a prompt, 0 to 1. */
  brokenOff(slot: number, profile: PromptProfile, share: number): void;
  /**
   * Records that an answer has ended.
   *
   * @param withAnswer blocks of the prompt that goes on with it, if known
   */
  answered(
    slot: number,
    profile: PromptProfile,
    withAnswer: readonly number[] | undefined,
  ): void;
  /** Limits what a server has to the size of its cache. */
  limit(slot: number, tokensPerByte: number, cacheTokens?: number): void;
  /** Records that a server's cache is empty. */
  forget(slot: number): void;
  /** Returns the number of blocks of a server. */
  size(slot: number): number;
  /** Goes through a server's confirmed blocks, the most recently used first. One walk at a time. */
  blocks(slot: number): Iterable<number>;
  /** Goes through all sessions and their servers, the most recently used first. */
  sessions(): Iterable<readonly [session: number, slot: number]>;
  /** Takes over lists of blocks and the sessions of a server, the most recently used first. */
  restore(
    slot: number,
    blocks: readonly (readonly number[])[],
    sessions: readonly number[],
  ): void;
}

/** Creates the record of caches that are all empty. */
export function createCachedPrompts(): CachedPrompts {
  const index = createPrefixIndex(MOST_PREFIX_BLOCKS);
  const sessions = createSessions(MOST_SESSIONS);
  return {
    match: ({ blocks }) => index.match(blocks),
    sessionSlot: ({ session }) => session === undefined ? undefined : sessions.last(session),
    sent: (slot, { blocks }) => index.remember(slot, blocks),
    computed(slot, { blocks, session }) {
      index.confirm(slot, blocks);
      if (session !== undefined) sessions.remember(session, slot);
    },
    brokenOff(slot, { blocks }, share) {
      const count = Math.floor(share * blocks.length);
      // An aborted prompt stays in the cache as far as it was computed (issue 20).
      if (count > 0) index.confirm(slot, blocks.slice(0, count));
      if (count < blocks.length) index.withdraw(slot, blocks.slice(count));
    },
    answered(slot, { blocks }, withAnswer) {
      if (!withAnswer) return index.touch(slot, blocks);
      // The cache has the answer as well, and the next prompt repeats it (issue 20).
      index.remember(slot, withAnswer);
      index.confirm(slot, withAnswer);
    },
    limit(slot, tokensPerByte, cacheTokens = USUAL_CACHE_TOKENS) {
      index.limit(slot, Math.ceil(cacheTokens / tokensPerByte / BLOCK_BYTES));
    },
    forget(slot) {
      index.forget(slot);
      sessions.forget(slot);
    },
    size: index.size,
    blocks: index.recent,
    sessions: sessions.recent,
    restore(slot, lists, ofSlot) {
      for (const blocks of lists.toReversed()) {
        index.remember(slot, blocks);
        index.confirm(slot, blocks);
      }
      for (const session of ofSlot.toReversed()) sessions.remember(session, slot);
    },
  };
}

/** Returns the blocks of the prompt that goes on with a request's answer, if they are known. */
export function blocksWithAnswer(
  { continued }: PromptProfile,
  { answer: answerOf }: Ended,
): readonly number[] | undefined {
  const answer = continued && answerOf?.();
  return answer && continued?.(answer);
}
