/** What requests are like in the mean, the latest counting most. */
export interface MovingAverages {
  /** Of a prompt, without what its server has cached. */
  ownTokens: number;
  answerTokens: number;
  /** Of streams, in milliseconds until their first token. */
  waitMs: number;
  /** Of streams, in milliseconds until their end. */
  totalMs: number;
}

/** Weight of the latest. */
const LATEST = 0.02;

/** Before anything was seen. */
export function initialAverages(): MovingAverages {
  return { ownTokens: 1_000, answerTokens: 200, waitMs: 500, totalMs: 6_000 };
}

export function addSample(averages: MovingAverages, of: keyof MovingAverages, value: number): void {
  averages[of] += LATEST * (value - averages[of]);
}
