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
  /**
   * Goes through a ring from its last place to its first. Places may be added and taken out
   * meanwhile: those put last are not visited. Only one walk at a time.
   */
  backwards(ring: number): Generator<number>;
}

export function createRings(): Rings {
  const after = createColumn();
  const before = createColumn();
  /** The ring that a walk goes through, and the place that comes next; 0 if none. */
  let walked = 0;
  let ahead = 0;
  function link(place: number, next: number): void {
    after.set(place, next);
    before.set(next, place);
  }
  function comeTo(place: number): void {
    ahead = place === walked ? 0 : place;
  }
  return {
    start: (ring) => link(ring, ring),
    first: (ring) => after.get(ring),
    putLast(ring, place) {
      link(before.get(ring), place);
      link(place, ring);
    },
    takeOut(place) {
      if (place === ahead) comeTo(before.get(place));
      link(before.get(place), after.get(place));
    },
    *backwards(ring) {
      walked = ring;
      comeTo(before.get(ring));
      for (let place; (place = ahead) !== 0;) {
        comeTo(before.get(place));
        yield place;
      }
    },
  };
}
