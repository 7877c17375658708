/** A timer that has been started. */
export interface Timer {
  /** Called when it is due. */
  readonly callback: () => void;
  /** When it is due, in ticks. */
  readonly tick: number;
}

/** Timers fire up to this much late: limits of requests are far longer. */
const TICK_MS = 20;

const due = new Map<number, Set<Timer>>();
let last = 0;
let beat: ReturnType<typeof setTimeout> | undefined;

/**
 * Starts a timer that costs next to nothing to start and to stop: all of them share one of the
 * runtime's, which beats while there are any. For the limits of requests, most of which are never
 * reached.
 *
 * @param delayMs after which the callback is called, or up to a tick later
 */
export function startTimer(callback: () => void, delayMs: number): Timer {
  if (beat === undefined) {
    last = tickNow();
    beat = setTimeout(fire, TICK_MS);
  }
  // The present tick has begun already.
  const timer = { callback, tick: Math.max(last, tickNow()) + Math.ceil(delayMs / TICK_MS) + 1 };
  const others = due.get(timer.tick);
  if (others) others.add(timer);
  else due.set(timer.tick, new Set([timer]));
  return timer;
}

/** Stops a timer. One that has fired or was stopped before is left alone. */
export function stopTimer(timer: Timer | undefined): void {
  const others = timer && due.get(timer.tick);
  if (!others?.delete(timer!) || others.size > 0) return;
  due.delete(timer!.tick);
  if (due.size > 0) return;
  clearTimeout(beat);
  beat = undefined;
}

function tickNow(): number {
  return Math.floor(performance.now() / TICK_MS);
}

function fire(): void {
  // Set again first, so that nothing a callback does can end the beat.
  beat = setTimeout(fire, TICK_MS);
  const now = tickNow();
  while (last < now) {
    const timers = due.get(++last);
    if (!timers) continue;
    for (const timer of timers) {
      timers.delete(timer);
      timer.callback();
    }
    due.delete(last);
  }
  if (due.size > 0) return;
  clearTimeout(beat);
  beat = undefined;
}
