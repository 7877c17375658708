/** A timer that has been started. */
export interface Timer {
  /** Called when it is due. */
  readonly callback: () => void;
  /** When it is due, in ticks. */
  readonly tick: number;
  /** Its place among those of its tick; below zero once it was stopped or has fired. */
  place: number;
}

/** Timers fire up to this much late: request limits are far longer. */
const TICK_MS = 20;
/** A beat this late (half a second) means that the process or its machine was stopped. */
const STOPPED_TICKS = 25;
/** Time to read what arrived meanwhile, which may stop timers, before those that are due fire. */
const CATCH_UP_TICKS = 25;

const due = new Map<number, Timer[]>();
let last = 0;
let beat: ReturnType<typeof setTimeout> | undefined;
let lastBeat = 0;
let firesFrom = 0;

/**
 * Starts a timer that is cheap to start and stop: all of them share one runtime timer, which runs
 * while any are pending. Used for request limits, most of which are never reached.
 *
 * @param delayMs delay before the callback is called, up to a tick late
 */
export function startTimer(callback: () => void, delayMs: number): Timer {
  if (beat === undefined) {
    last = lastBeat = tickNow();
    beat = setTimeout(fire, TICK_MS);
  }
  // The current tick has already begun.
  const tick = Math.max(last, tickNow()) + Math.ceil(delayMs / TICK_MS) + 1;
  const others = due.get(tick);
  const timer = { callback, tick, place: others?.length ?? 0 };
  if (others) others.push(timer);
  else due.set(tick, [timer]);
  return timer;
}

/** Stops a timer. Has no effect if it has fired or was already stopped. */
export function stopTimer(timer: Timer | undefined): void {
  const others = timer && timer.place >= 0 ? due.get(timer.tick) : undefined;
  if (!others) return;
  remove(timer!, others);
  if (others.length > 0) return;
  due.delete(timer!.tick);
  if (due.size > 0) return;
  clearTimeout(beat);
  beat = undefined;
}

/** Takes a timer out of its tick: the last one moves to its place. */
function remove(timer: Timer, others: Timer[]): void {
  const moved = others.pop()!;
  if (moved !== timer) {
    others[timer.place] = moved;
    moved.place = timer.place;
  }
  timer.place = -1;
}

function tickNow(): number {
  return Math.floor(performance.now() / TICK_MS);
}

function fire(): void {
  // Restarted first, so that no callback can stop the shared timer.
  beat = setTimeout(fire, TICK_MS);
  const now = tickNow();
  if (now - lastBeat > STOPPED_TICKS) firesFrom = now + CATCH_UP_TICKS;
  lastBeat = now;
  if (now < firesFrom) return;
  while (last < now) {
    const timers = due.get(++last);
    if (!timers) continue;
    // A copy, because callbacks start and stop timers.
    for (const timer of [...timers]) {
      if (timer.place < 0) continue;
      remove(timer, timers);
      timer.callback();
    }
    due.delete(last);
  }
  if (due.size > 0) return;
  clearTimeout(beat);
  beat = undefined;
}
