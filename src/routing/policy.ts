/** A server as a policy sees it. */
export interface Candidate {
  /** Increases with every server added to the fleet and never changes. */
  readonly id: number;
  /** `(running + 0.5 × waiting) / capacity` now. */
  readonly load: number;
  /** What the request would find there, if known. */
  readonly prediction?: Prediction | undefined;
}

/** What a request would find on a server, in seconds and tokens. */
export interface Prediction {
  /** Prompt tokens the server still has to compute for other requests. */
  readonly pendingTokens: number;
  /** How many tokens at the beginning of a prompt take as long as these. */
  readonly pendingWork: number;
  /** Tokens of this prompt. */
  readonly promptTokens: number;
  /** Tokens of this prompt that the server has seen according to the index, uncalibrated. */
  readonly knownTokens: number;
  /** Tokens of this prompt not expected in the server's cache. */
  readonly ownTokens: number;
  /** How many tokens at the beginning of a prompt take as long as these. */
  readonly ownWork: number;
  /** Seconds per uncached prompt token at the beginning of a prompt. */
  readonly secondsPerToken: number;
  /** Base seconds to a first token, without prompt tokens. */
  readonly startSeconds: number;
  /** Requests that have to end before this one gets a seat; 0 if one is free. */
  readonly aheadOfSeat: number;
  /** Mean seconds between request ends when the server is full. */
  readonly secondsPerSeat: number;
  /** Requests on the server, including this one, divided by its seats. */
  readonly crowding: number;
}

/**
 * Picks one of the candidates, which must not be empty.
 *
 * @param random uniform in [0, 1)
 */
export type Policy = <C extends Candidate>(
  candidates: readonly C[],
  random: () => number,
) => C;

/** The load below which the original router prefers servers. */
export const HALF = 0.5;

/** Picks one of `items` at random. `items` must not be empty. */
export function pick<T>(items: readonly T[], random: () => number): T {
  return items[Math.floor(random() * items.length)]!;
}

/** Returns the item with the lowest cost, ties broken at random. `items` must not be empty. */
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
      // Reservoir sampling: every tie is kept with the same probability.
      best = item;
    }
  }
  return best;
}

/** Returns the expected seconds to the first token. */
export function firstTokenSeconds(prediction: Prediction): number {
  const { pendingWork, ownWork, secondsPerToken, startSeconds } = prediction;
  const prefillSeconds = (pendingWork + ownWork) * secondsPerToken;
  const seatSeconds = prediction.aheadOfSeat * prediction.secondsPerSeat;
  // While it waits for a seat, other prompts are computed.
  return startSeconds + Math.max(prefillSeconds, seatSeconds + ownWork * secondsPerToken);
}
