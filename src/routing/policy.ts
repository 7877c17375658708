/** What a policy may know of a server it could choose. */
export interface Candidate {
  /** Grows with every server the fleet meets and never changes. */
  readonly id: number;
  /** `(running + 0.5 × waiting) / capacity` at this moment. */
  readonly load: number;
}

/**
 * Picks one of the candidates, which are never empty.
 *
 * @param random uniform in [0, 1)
 */
export type Policy = <C extends Candidate>(
  candidates: readonly C[],
  random: () => number,
) => C;

/** A server below this load is preferred over any that is not. */
export const HALF = 0.5;

/** Uniform among `items`, which is not empty. */
export function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}
