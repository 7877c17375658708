/** How far the index of prefixes can be believed of a server. */
export interface HitCalibration {
  /** 0 to 1: what of a predicted hit is to be expected. */
  readonly share: number;
  /** Prompt tokens sent since the last comparison, and those of them that were predicted to hit. */
  readonly sent: number;
  readonly predicted: number;
  /** The server's own counters at the last comparison. */
  readonly queries: number | undefined;
  readonly hits: number | undefined;
  /** Shares of tokens found in the cache at the last comparison, as predicted and as counted. */
  readonly predictedRate: number | undefined;
  readonly realRate: number | undefined;
  /** Clock time in milliseconds of the last comparison; 0 before it. */
  readonly comparedAt: number;
}

/** Servers cache prefixes unless told otherwise. */
export const UNCALIBRATED: HitCalibration = {
  share: 0.9,
  sent: 0,
  predicted: 0,
  queries: undefined,
  hits: undefined,
  predictedRate: undefined,
  realRate: undefined,
  comparedAt: 0,
};

/** Tokens looked up between two comparisons, so that a few prompts decide nothing. */
const ENOUGH_TOKENS = 50_000;
/** A prediction that comes true to so large a part is right: both counts stop somewhere. */
const RIGHT = 0.9;
/** Below it there is nothing to compare. */
const LEAST_RATE = 0.02;
/** What a comparison counts for, where all that was looked up was ours. */
const WEIGHT = 0.3;
/** A comparison that is older says nothing of now. */
const CURRENT_MS = 10 * 60_000;

export function withSent(
  calibration: HitCalibration,
  tokens: number,
  known: number,
): HitCalibration {
  return {
    ...calibration,
    sent: calibration.sent + tokens,
    predicted: calibration.predicted + known,
  };
}

/**
 * Compares what was predicted with what a server's counters tell.
 *
 * @param now clock time in milliseconds
 */
export function withCounters(
  calibration: HitCalibration,
  queries: number | undefined,
  hits: number | undefined,
  now: number,
): HitCalibration {
  if (queries === undefined || hits === undefined) return calibration;
  const begin = { ...calibration, queries, hits, sent: 0, predicted: 0 };
  if (calibration.queries === undefined || calibration.hits === undefined) return begin;
  const lookedUp = queries - calibration.queries;
  if (lookedUp < ENOUGH_TOKENS) return calibration;
  if (calibration.sent === 0) return begin;
  const realRate = Math.min(1, Math.max(0, hits - calibration.hits) / lookedUp);
  const predictedRate = calibration.predicted / calibration.sent;
  const kept = Math.min(1, realRate / RIGHT / Math.max(predictedRate, LEAST_RATE));
  // What others found says as little of ours as they sent more.
  const weight = predictedRate < LEAST_RATE ? 0 : WEIGHT * Math.min(1, calibration.sent / lookedUp);
  const share = (1 - weight) * calibration.share + weight * kept;
  return { share, sent: 0, predicted: 0, queries, hits, predictedRate, realRate, comparedAt: now };
}

/** Shares of tokens found in the cache at the last comparison, as long as that is recent. */
export function currentRates(
  { predictedRate, realRate, comparedAt }: HitCalibration,
  now: number,
): { predictedHitRate: number | undefined; realHitRate: number | undefined } {
  const isCurrent = now - comparedAt <= CURRENT_MS;
  return {
    predictedHitRate: isCurrent ? predictedRate : undefined,
    realHitRate: isCurrent ? realRate : undefined,
  };
}
