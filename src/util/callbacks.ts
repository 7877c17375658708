/** A function that a {@linkcode Callbacks} finds at once. It can be in one of them at a time. */
export interface Callback {
  (): void;
  /** Its place in the list; below zero once it was removed. */
  place?: number;
}

/** What {@linkcode Callbacks} and a `Set` of functions have in common. */
export interface CallbackSet extends Iterable<() => void> {
  /** How many there are. */
  readonly size: number;
  /** Adds a function that is not in it. */
  add(callback: () => void): unknown;
  /** Removes a function. Returns `false` if it was not in it. */
  delete(callback: () => void): boolean;
}

/**
 * A set of functions that requests come into and leave, in no order. A `Set` grows by being copied,
 * and each copy keeps what was in it until the next full collection: with two of them a fifth of a
 * request's CPU went into moving requests that had ended (issue 16).
 */
export class Callbacks implements CallbackSet {
  readonly #list: Callback[] = [];

  /** How many there are. */
  get size(): number {
    return this.#list.length;
  }

  /** Adds a function that is in none. */
  add(callback: Callback): void {
    callback.place = this.#list.length;
    this.#list.push(callback);
  }

  /** Removes a function: the last one moves to its place. Returns `false` if it was not in it. */
  delete(callback: Callback): boolean {
    const { place = -1 } = callback;
    if (this.#list[place] !== callback) return false;
    const last = this.#list.pop()!;
    if (last !== callback) {
      this.#list[place] = last;
      last.place = place;
    }
    callback.place = -1;
    return true;
  }

  /** Removes all. */
  clear(): void {
    this.#list.length = 0;
  }

  /** Goes over them in no order. */
  [Symbol.iterator](): Iterator<() => void> {
    return this.#list[Symbol.iterator]();
  }
}
