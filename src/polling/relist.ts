import { pause } from "../util/interval.ts";

/** Minimum interval between two rounds that requests trigger. */
const ROUND_MS = 1_000;
/** How long a request waits for a round. */
const WAIT_MS = 500;

/**
 * Returns a function that has all servers list their models again, at most once a second unless they
 * are known to have changed, and waits shortly for it. LoRA adapters come and go while a server runs (issue 18).
 *
 * @param list reads the lists of all servers
 * @param now monotonic time in milliseconds
 */
export function createRelist(
  list: () => Promise<unknown>,
  now: () => number,
): (haveChanged?: boolean) => Promise<void> {
  let startedAt = -Infinity;
  let round: Promise<unknown> = Promise.resolve();
  return async (haveChanged = false) => {
    if (haveChanged || now() - startedAt >= ROUND_MS) {
      startedAt = now();
      round = list();
    }
    const enough = new AbortController();
    await Promise.race([round, pause(WAIT_MS, enough.signal)]);
    enough.abort();
  };
}
