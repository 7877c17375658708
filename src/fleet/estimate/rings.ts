import { createColumn } from "./column.ts";

/** Places in rings, each of which begins and ends at a place of its own that stands for it. */
export interface Rings {
  /** Makes a place a ring with nothing in it. */
  start(ring: number): void;
  /** The place that was put first of those that are there; the ring's own where there is none. */
  first(ring: number): number;
  /** Puts a place that is in no ring at the end of one. */
  putLast(ring: number, place: number): void;
  /** Takes a place out of the ring it is in. */
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
