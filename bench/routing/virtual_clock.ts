import type { Clock } from "../../src/simulator/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** Time that jumps from one timer to the next, so that minutes pass as fast as they are computed. */
export class VirtualClock implements Clock {
  #now = 0;
  /** The next one last. Few wait at any moment, so that putting one in its place costs little. */
  readonly #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  schedule(atMs: number, callback: () => void): () => void {
    const timer = { atMs: Math.max(atMs, this.#now), callback };
    let index = this.#timers.length;
    // Of two at the same time the first scheduled comes first.
    while (index > 0 && this.#timers[index - 1]!.atMs <= timer.atMs) index--;
    this.#timers.splice(index, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  /** Calls timers, each at its time, as long as the condition holds and there are any. */
  runWhile(condition: () => boolean): void {
    while (condition()) {
      const next = this.#timers.pop();
      if (next === undefined) return;
      this.#now = next.atMs;
      next.callback();
    }
  }
}
