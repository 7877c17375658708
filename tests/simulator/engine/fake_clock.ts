import type { Clock } from "../../../src/simulator/engine/clock.ts";

/** A clock controlled by a test. */
export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ atMs: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  schedule(atMs: number, callback: () => void): () => void {
    const timer = { atMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Advances the time and fires each timer when it is due. */
  advance(byMs: number): void {
    const end = this.#now + byMs;
    while (true) {
      const [next] = [...this.#timers].sort((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > end) break;
      this.#now = Math.max(this.#now, next.atMs);
      this.#timers.delete(next);
      next.callback();
    }
    this.#now = end;
  }

  /** Advances the time in one jump, so timers fire late, as when the process gets no CPU. */
  jump(byMs: number): void {
    this.#now += byMs;
    this.advance(0);
  }
}
