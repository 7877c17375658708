import { createColumn } from "./column.ts";

/** Circular doubly linked lists of places. Each has a head place that identifies it. */
export interface Rings {
  /** Makes a place the head of an empty ring. */
  start(ring: number): void;
  /** Returns the first place in a ring, or the ring's head if it is empty. */
  first(ring: number): number;
  /** Appends a place that is in no ring. */
  putLast(ring: number, place: number): void;
  /** Removes a place from its ring. */
  takeOut(place: number): void;
}

export function createRings(): Rings {
  const after = createColumn();
  const before = createColumn();
  function link(place: number, next: number): void {
    after.set(place, next);
    before.set(next, place);
  }
  return {
    start: (ring) => link(ring, ring),
    first: (ring) => after.get(ring),
    putLast(ring, place) {
      link(before.get(ring), place);
      link(place, ring);
    },
    takeOut: (place) => link(before.get(place), after.get(place)),
  };
}
