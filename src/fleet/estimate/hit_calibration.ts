/** How reliable the prefix index is for a server. */
export interface HitCalibration {
  /** Expected share of a predicted hit that comes true, 0 to 1. */
  readonly share: number;
  /** Prompt tokens sent since the last comparison, and how many of them were predicted to hit. */
  readonly sent: number;
  readonly predicted: number;
  /** What answers told of their prompts since the last comparison, in tokens. */
  readonly told: Told;
  /** The server's own counters at the last comparison. */
  readonly queries: number | undefined;
  readonly hits: number | undefined;
  /** Hit rates at the last comparison, predicted and measured. */
  readonly predictedRate: number | undefined;
  readonly realRate: number | undefined;
  /** Monotonic time in milliseconds of the last comparison; 0 if none. */
  readonly comparedAt: number;
}

/** What answers tell of their prompts, in tokens. */
export interface Told {
  /** Of the prompts. */
  readonly prompt: number;
  /** Of these, predicted to be in the server's cache. */
  readonly predicted: number;
  /** Of these, found there. */
  readonly cached: number;
}

/** As it is after a comparison. */
const NOTHING_SENT = { sent: 0, predicted: 0, told: { prompt: 0, predicted: 0, cached: 0 } };

/** The initial calibration. Prefix caching is on by default in vLLM. */
export const UNCALIBRATED: HitCalibration = {
  share: 0.97,
  ...NOTHING_SENT,
  queries: undefined,
  hits: undefined,
  predictedRate: undefined,
  realRate: undefined,
  comparedAt: 0,
};

/** Minimum tokens looked up between two comparisons, so that a few prompts don't skew it. */
const ENOUGH_TOKENS = 50_000;
/** A prediction that comes true to this share counts as right: both counts round to blocks. */
const RIGHT = 0.9;
/** Below this predicted rate there is nothing to compare. */
const LEAST_RATE = 0.02;
/** Weight of a comparison if all lookups were the router's own. */
const WEIGHT = 0.3;
/** Comparisons older than this are not shown. */
const CURRENT_MS = 10 * 60_000;

/** Adds a sent prompt. */
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
 * Compares the predicted hits with a server's counters.
 *
 * @param now monotonic time in milliseconds
 */
export function withCounters(
  calibration: HitCalibration,
  queries: number | undefined,
  hits: number | undefined,
  now: number,
): HitCalibration {
  if (queries === undefined || hits === undefined) return calibration;
  const begin = { ...calibration, ...NOTHING_SENT, queries, hits };
  // Answers tell it more exactly, as long as most of them do.
  const { told, sent } = calibration;
  if (told.prompt > 0 && told.prompt >= sent / 2) return calibration;
  if (calibration.queries === undefined || calibration.hits === undefined) return begin;
  const lookedUp = queries - calibration.queries;
  if (lookedUp < ENOUGH_TOKENS) return calibration;
  if (calibration.sent === 0) return begin;
  return compared(begin, {
    predictedRate: calibration.predicted / calibration.sent,
    realRate: Math.min(1, Math.max(0, hits - calibration.hits) / lookedUp),
    // The larger the share of other clients' lookups, the less they say about ours.
    certainty: Math.min(1, calibration.sent / lookedUp),
  }, now);
}

/**
 * Adds what an answer tells of its prompt, and compares once it is enough.
 *
 * @param now monotonic time in milliseconds
 */
export function withTold(calibration: HitCalibration, one: Told, now: number): HitCalibration {
  const { prompt, predicted, cached } = calibration.told;
  const told = {
    prompt: prompt + one.prompt,
    predicted: predicted + Math.min(one.predicted, one.prompt),
    cached: cached + Math.min(one.cached, one.prompt),
  };
  if (told.prompt < ENOUGH_TOKENS) return { ...calibration, told };
  // The counters are compared from their next values on.
  return compared({ ...calibration, ...NOTHING_SENT, queries: undefined, hits: undefined }, {
    predictedRate: told.predicted / told.prompt,
    realRate: told.cached / told.prompt,
    certainty: 1,
  }, now);
}

/** A comparison of rates; `certainty`, 0 to 1, is how much it says. */
interface Comparison {
  readonly predictedRate: number;
  readonly realRate: number;
  readonly certainty: number;
}

function compared(
  calibration: HitCalibration,
  { predictedRate, realRate, certainty }: Comparison,
  now: number,
): HitCalibration {
  const kept = Math.min(1, realRate / RIGHT / Math.max(predictedRate, LEAST_RATE));
  const weight = predictedRate < LEAST_RATE ? 0 : WEIGHT * certainty;
  const share = (1 - weight) * calibration.share + weight * kept;
  return { ...calibration, share, predictedRate, realRate, comparedAt: now };
}

/** Returns the hit rates of the last comparison if it is recent. */
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
