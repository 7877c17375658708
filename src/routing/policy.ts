/** What a policy may know of a server it could choose. */
export interface Candidate {
  /** Grows with every server the fleet meets and never changes. */
  readonly id: number;
  /** `(running + 0.5 × waiting) / capacity` at this moment. */
  readonly load: number;
  /** What a request would find there, where something is known of the request. */
  readonly prediction?: Prediction | undefined;
}

/** What a request would find at a server, in seconds and tokens. */
export interface Prediction {
  /** Prompt tokens that the server has yet to compute for others. */
  readonly pendingTokens: number;
  /** Tokens of this prompt. */
  readonly promptTokens: number;
  /** Those of them that the server is known to have seen, whatever that is worth. */
  readonly knownTokens: number;
  /** Of this prompt, those that it is not expected to have in its cache. */
  readonly ownTokens: number;
  /** Seconds for each of these tokens. */
  readonly secondsPerToken: number;
  /** Seconds until a first token beside them. */
  readonly startSeconds: number;
  /** Requests that have to end before this one has a seat; 0 where one is free. */
  readonly aheadOfSeat: number;
  /** Seconds between two of its requests' ends when it is full. */
  readonly secondsPerSeat: number;
  /** Requests at it over its seats, this one included. */
  readonly crowding: number;
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

/** The load below which the original router prefers servers. */
export const HALF = 0.5;

/** Uniform among `items`, which is not empty. */
export function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}

/** The item of the lowest cost, ties at random. `items` is not empty. */
export function cheapest<T>(
  items: readonly T[],
  cost: (item: T) => number,
  random: () => number,
): T {
  let best = items[0]!;
  let least = cost(best);
  let ties = 1;
  for (let i = 1; i < items.length; i++) {
    const item = items[i]!;
    const itemCost = cost(item);
    if (itemCost < least) {
      best = item;
      least = itemCost;
      ties = 1;
    } else if (itemCost === least && random() * ++ties < 1) {
      // Each of the ties so far is kept with the same chance (reservoir sampling).
      best = item;
    }
  }
  return best;
}
