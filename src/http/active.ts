import { setTimeout as delay } from "node:timers/promises";

/**
 * How long a closing listener waits for its clients' next requests, so that its responses can ask
 * them to close the connection (issue 14). Without the wait, a request sent on a kept-alive
 * connection just as it closes would be lost.
 */
export const LAST_CHANCE_MS = 1_000;
/** How long aborted requests have to report the error to their clients. */
export const LAST_WORDS_MS = 1_000;
const LOOK_MS = 20;

/** Settles when no request is active, or after `withinMs`. */
export async function whenNoneActive(active: () => number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (active() > 0 && performance.now() < deadline) await delay(LOOK_MS);
}
