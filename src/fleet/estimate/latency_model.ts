import {
  combine,
  decayed,
  type DecayingRegression,
  NO_SAMPLES,
  observed,
  scaled,
  slope,
} from "./decaying_regression.ts";

/** A server's latencies, as learned by the router. */
export interface LatencyModel {
  /** Base seconds to the first token, without prompt tokens to compute; about one decoding step. */
  readonly startSeconds: number;
  /** Seconds per uncached prompt token. */
  readonly secondsPerToken: number;
  /** Seconds per answer token after the first. */
  readonly secondsPerAnswerToken: number;
}

/** A number of tokens and the seconds they took. */
export interface Observation {
  /** Computed prompt tokens, or tokens of an answer after its first. */
  readonly tokens: number;
  /** Time to first token, or the sum of inter-token times. */
  readonly seconds: number;
}

/** Observations of one server, or of all together. */
export interface Seen {
  /** Seconds of prefill over uncached tokens. */
  readonly prefill: DecayingRegression;
  /** Seconds of answers over their tokens. */
  readonly decode: DecayingRegression;
}

/** No observations. */
export const NOTHING_SEEN: Seen = { prefill: NO_SAMPLES, decode: NO_SAMPLES };

/** Returns the observations with their weights decayed to now. */
export function faded({ prefill, decode }: Seen, now: number): Seen {
  return { prefill: decayed(prefill, now), decode: decayed(decode, now) };
}

/** The prior: a mid-size model on one GPU. Weighs two observations. */
const PRIOR: Seen = {
  prefill: observed(observed(NO_SAMPLES, 0, 0.04, 0), 4_000, 0.44, 0),
  decode: observed(NO_SAMPLES, 100, 3, 0),
};
/** Weight of all servers' observations next to a server's own, in observations. */
const SHARED = 4;
/** Weight of the assumption that a server is as fast as the others, in observations. */
const ALIKE = 2;
/** Maximum factor by which a server is assumed slower or faster than the others. */
const MOST_TIMES = 10;
/**
 * Minimum weight of the prior. If all prompts have about the same length, nothing else says how
 * long a longer one would take.
 */
const LEAST_DOUBT = 0.01;

const FASTEST = 1 / 1_000_000;
const SLOWEST = 1 / 50;
const LONGEST_START = 10;
const SHORTEST_STEP = 0.001;
const LONGEST_STEP = 5;

/**
 * Returns a server's latency model: its own observations, blended with those of all servers and
 * the prior while its own are few. This keeps estimates stable in a server's first minutes. The
 * shared observations are scaled by how much slower the server is for prompts like its own: a slow
 * server gets short prompts, which alone don't show how long a long one would take.
 */
export function latencyModelOf(own: Seen, all: Seen): LatencyModel {
  const usual = prefillOf(together(NO_SAMPLES, all.prefill, PRIOR.prefill));
  const slowness = slownessOf(own.prefill, usual);
  const prefill = together(
    own.prefill,
    scaled(all.prefill, slowness),
    scaled(PRIOR.prefill, slowness),
  );
  const decode = together(own.decode, all.decode, PRIOR.decode);
  return {
    ...prefillOf(prefill),
    secondsPerAnswerToken: clamp(decode.y / decode.x, SHORTEST_STEP, LONGEST_STEP),
  };
}

function prefillOf(regression: DecayingRegression): Omit<LatencyModel, "secondsPerAnswerToken"> {
  const secondsPerToken = clamp(slope(regression) ?? 0, FASTEST, SLOWEST);
  const startSeconds = clamp(
    (regression.y - secondsPerToken * regression.x) / regression.n,
    0,
    LONGEST_START,
  );
  return { secondsPerToken, startSeconds };
}

/** Returns a server's slowness relative to the others, shrunk towards 1. */
function slownessOf({ n, x, y }: DecayingRegression, usual: ReturnType<typeof prefillOf>): number {
  const expected = usual.startSeconds * n + usual.secondsPerToken * x;
  if (!(expected > 0)) return 1;
  const doubt = ALIKE * expected / n;
  return clamp((y + doubt) / (expected + doubt), 1 / MOST_TIMES, MOST_TIMES);
}

function together(
  own: DecayingRegression,
  all: DecayingRegression,
  prior: DecayingRegression,
): DecayingRegression {
  // Shared observations also reduce the prior's weight.
  const shared = all.n === 0 ? 0 : SHARED / Math.max(SHARED, all.n);
  const doubt = Math.max(LEAST_DOUBT, 1 / (1 + own.n + all.n));
  return combine([[own, 1], [all, shared], [prior, doubt]]);
}

/** Times longer than expected by more than this factor have causes other than server speed. */
const MOST_TIMES_EXPECTED = 4;
/** Maximum tokens of one observation, so that a wrong one is soon outweighed. */
const MOST_TOKENS = 10_000;

/** Caps a measured time at what is plausible given the expected time. */
export function plausibleSeconds(seconds: number, expectedSeconds: number): number {
  return Math.min(seconds, MOST_TIMES_EXPECTED * expectedSeconds + 0.5);
}

/** Limits a reported prefill to what is plausible given the expected latencies. */
export function plausiblePrefill(reported: Observation, expected: LatencyModel): Observation {
  const { tokens, seconds } = scaledDown(reported);
  const expectedSeconds = expected.startSeconds + tokens * expected.secondsPerToken;
  return {
    tokens,
    seconds: plausibleSeconds(Math.max(seconds, tokens * FASTEST), expectedSeconds),
  };
}

/** Limits reported decoding times to what is plausible. */
export function plausibleDecode(reported: Observation): Observation {
  const { tokens, seconds } = scaledDown(reported);
  return { tokens, seconds: clamp(seconds, tokens * SHORTEST_STEP, tokens * LONGEST_STEP) };
}

/** Scales an observation down to at most {@linkcode MOST_TOKENS}. */
function scaledDown({ tokens, seconds }: Observation): Observation {
  const part = Math.min(1, MOST_TOKENS / tokens);
  return { tokens: part * tokens, seconds: part * seconds };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Below this many observations, a server's own (coarser) metrics are used too. */
const FEW = 4;

/** Whether there are too few observations of a server's prefill to rely on. */
export function isLittleKnown(seen: Seen, now: number): boolean {
  return faded(seen, now).prefill.n < FEW;
}

/** Adds an observation of prefill or decoding. */
export function withObservation(
  seen: Seen,
  kind: keyof Seen,
  { tokens, seconds }: Observation,
  now: number,
): Seen {
  return { ...seen, [kind]: observed(seen[kind], tokens, seconds, now) };
}
