/**
 * Interval between two looks, in milliseconds. Lag is measured up to this much too short, and 20
 * looks a second cost 0.03% of a core.
 */
export const LOOK_MS = 50;

/**
 * Measures how late the event loop runs a timer: while the loop is blocked, no request is accepted
 * and no chunk is relayed.
 *
 * @param onLag called with each look's lateness in milliseconds
 * @returns a function that stops measuring
 */
export function watchEventLoop(onLag: (lagMs: number) => void): () => void {
  let due = performance.now() + LOOK_MS;
  let timer = setTimeout(look, LOOK_MS);
  function look(): void {
    const now = performance.now();
    onLag(Math.max(0, now - due));
    due = now + LOOK_MS;
    timer = setTimeout(look, LOOK_MS);
  }
  return () => clearTimeout(timer);
}
