import { createNumbers } from "./numbers.ts";

/** Numbers of sets, by the slot of the server that each belongs to. */
export interface SetNumbers {
  /** Returns the set of a slot, `undefined` if it has none. */
  of(slot: number): number | undefined;
  /** Gives a slot a set with a free number, and returns that. */
  assign(slot: number): number;
  /** Takes a slot its set, whose number isn't free yet. */
  unassign(slot: number): void;
  /** Frees the number of a set that no slot has. */
  free(set: number): void;
  /** Returns all numbers by slot, as they are now: later changes don't show. */
  all(): readonly (number | undefined)[];
}

export function createSetNumbers(): SetNumbers {
  const numbers = createNumbers();
  let bySlot: readonly (number | undefined)[] = [];

  function change(slot: number, set: number | undefined): void {
    const length = Math.max(bySlot.length, slot + 1);
    const known = bySlot;
    bySlot = Array.from({ length }, (_, other) => other === slot ? set : known[other]);
  }

  return {
    of: (slot) => bySlot[slot],
    assign(slot) {
      const set = numbers.take();
      change(slot, set);
      return set;
    },
    unassign: (slot) => change(slot, undefined),
    free: numbers.giveBack,
    all: () => bySlot,
  };
}
