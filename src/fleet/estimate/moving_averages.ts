/** Exponential moving averages over requests. */
export interface MovingAverages {
  /** Samples of each so far. */
  readonly counts: Record<Averaged, number>;
  /** Prompt tokens that aren't in the server's cache. */
  ownTokens: number;
  answerTokens: number;
  /** Milliseconds to the first token of streams. */
  waitMs: number;
  /** Milliseconds to the end of streams. */
  totalMs: number;
}

type Averaged = Exclude<keyof MovingAverages, "counts">;

/** Weight of the latest sample once there are many. */
const LATEST = 0.02;
/** More samples than this make no difference. */
export const MOST_SAMPLES = 1 / LATEST;

/** Returns the averages before any sample. */
export function initialAverages(): MovingAverages {
  return {
    counts: { ownTokens: 0, answerTokens: 0, waitMs: 0, totalMs: 0 },
    ownTokens: 1_000,
    answerTokens: 200,
    waitMs: 500,
    totalMs: 6_000,
  };
}

/** Adds a sample. The first ones count most: the initial values are guesses. */
export function addSample(averages: MovingAverages, of: Averaged, value: number): void {
  const count = ++averages.counts[of];
  averages[of] += Math.max(LATEST, 1 / (1 + count)) * (value - averages[of]);
}
