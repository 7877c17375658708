import type { Clock } from "../../src/simulator/engine/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Virtual time that jumps from timer to timer, so that minutes pass as fast as they compute. */
export class VirtualClock implements Clock {
  #now = 0;
  /** Timers with the next one last. Few are pending at a time, so insertion is cheap. */
  readonly #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  schedule(atMs: number, callback: () => void): () => void {
    const timer = { atMs: Math.max(atMs, this.#now), callback };
    let index = this.#timers.length;
    // Timers for the same time fire in the order they were scheduled.
    while (index > 0 && this.#timers[index - 1]!.atMs <= timer.atMs) index--;
    this.#timers.splice(index, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  /** Fires timers, each at its time, while the condition holds and timers are pending. */
  runWhile(condition: () => boolean): void {
    while (condition()) {
      const next = this.#timers.pop();
      if (next === undefined) return;
      this.#now = next.atMs;
      next.callback();
    }
  }
}
