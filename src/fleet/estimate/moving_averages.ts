/** Exponential moving averages over requests. */
export interface MovingAverages {
  /** Prompt tokens that aren't in the server's cache. */
  ownTokens: number;
  answerTokens: number;
  /** Milliseconds to the first token of streams. */
  waitMs: number;
  /** Milliseconds to the end of streams. */
  totalMs: number;
}

/** Weight of the latest sample. */
const LATEST = 0.02;

/** Returns the averages before any sample. */
export function initialAverages(): MovingAverages {
  return { ownTokens: 1_000, answerTokens: 200, waitMs: 500, totalMs: 6_000 };
}

export function addSample(averages: MovingAverages, of: keyof MovingAverages, value: number): void {
  averages[of] += LATEST * (value - averages[of]);
}
