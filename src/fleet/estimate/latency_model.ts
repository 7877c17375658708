import { clamp } from "../../util/clamp.ts";
import { GROWTHS, type Prefill, workOf } from "./attention.ts";
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
  /** Seconds per uncached prompt token at the beginning of a prompt. */
  readonly secondsPerToken: number;
  /** Share by which each token before it lengthens the time of a prompt token. */
  readonly growth: number;
  /** Seconds per answer token after the first. */
  readonly secondsPerAnswerToken: number;
}

/** Tokens of an answer after its first, and the sum of inter-token times. */
export interface Observation {
  /** Tokens after the first. */
  readonly tokens: number;
  /** Seconds that they took. */
  readonly seconds: number;
}

/** Prompt tokens that were computed, and the seconds to the first token. */
export interface PrefillObservation extends Prefill {
  /** Seconds from its start to the first token. */
  readonly seconds: number;
}

/** Observations of one server, or of all together. */
export interface Seen {
  /** Seconds of prefill over its work, for each of {@linkcode GROWTHS}. */
  readonly prefill: readonly DecayingRegression[];
  /** Seconds of answers over their tokens. */
  readonly decode: DecayingRegression;
}

/** No observations. */
export const NOTHING_SEEN: Seen = {
  prefill: GROWTHS.map(() => NO_SAMPLES),
  decode: NO_SAMPLES,
};

/** Returns the observations with their weights decayed to now. */
export function faded({ prefill, decode }: Seen, now: number): Seen {
  return { prefill: prefill.map((one) => decayed(one, now)), decode: decayed(decode, now) };
}

/** The prior: a mid-size model on one GPU. Weighs two observations. */
const PRIOR = {
  prefill: observed(observed(NO_SAMPLES, 0, 0.04, 0), 4_000, 0.44, 0),
  decode: observed(NO_SAMPLES, 100, 3, 0),
};
/** Weight of all servers' observations next to a server's own, in observations. */
const SHARED = 4;
/** Weight of the assumption that a server is as fast as the others, in observations. */
const ALIKE = 2;
/** Maximum factor by which a server is assumed slower or faster than the others. */
const MOST_TIMES = 10;
/** Weight of the assumption that the servers are as fast as the prior, in observations. */
const LITTLE = 0.2;
/** Maximum factor by which they are assumed slower or faster than that. */
export const MOST_TIMES_PRIOR = 100;
/**
 * Minimum weight of the prior. If all prompts have about the same length, nothing else says how
 * long a longer one would take.
 */
const LEAST_DOUBT = 0.01;

/** Least plausible seconds per prompt token. */
export const FASTEST = 1 / 1_000_000;
/** Most plausible seconds per prompt token. */
export const SLOWEST = 1 / 50;
/** Most plausible seconds of {@linkcode LatencyModel.startSeconds}. */
export const LONGEST_START = 10;
/** Least plausible seconds per token of an answer. */
export const SHORTEST_STEP = 0.001;
/** Most plausible seconds per token of an answer. */
export const LONGEST_STEP = 5;

/**
 * Returns a server's latency model: its own observations, blended with those of all servers and
 * the prior while its own are few. This keeps estimates stable in a server's first minutes. The
 * shared observations are scaled by how much slower the server is for prompts like its own: a slow
 * server gets short prompts, which alone don't show how long a long one would take. The prior is
 * scaled likewise: it gives a shape, and the first observation shows how fast the hardware is.
 *
 * @param place that of {@linkcode GROWTHS} to use
 * @param now monotonic time in milliseconds to which observations decay. @default no decay
 */
export function latencyModelOf(
  own: Seen,
  all: Seen,
  place: number,
  now = -Infinity,
): LatencyModel {
  const decode = together(decayed(own.decode, now), decayed(all.decode, now), PRIOR.decode);
  return {
    ...prefillModelOf(decayed(own.prefill[place]!, now), decayed(all.prefill[place]!, now)),
    growth: GROWTHS[place]!,
    secondsPerAnswerToken: clamp(decode.y / decode.x, SHORTEST_STEP, LONGEST_STEP),
  };
}

type PrefillModel = Pick<LatencyModel, "startSeconds" | "secondsPerToken">;

function prefillModelOf(own: DecayingRegression, all: DecayingRegression): PrefillModel {
  const unscaled = PRIOR.prefill;
  const prior = scaled(unscaled, hardwareOf(all, modelOf(unscaled)));
  const usual = modelOf(together(NO_SAMPLES, all, prior));
  const slowness = slownessOf(own, usual);
  return modelOf(together(own, scaled(all, slowness), scaled(prior, slowness)));
}

/** Returns the seconds that each of {@linkcode GROWTHS} predicts for a prefill. */
export function predictedSeconds(own: Seen, all: Seen, prefill: Prefill): number[] {
  return GROWTHS.map((growth, place) => {
    const { startSeconds, secondsPerToken } = prefillModelOf(
      own.prefill[place]!,
      all.prefill[place]!,
    );
    return startSeconds + workOf(prefill, growth) * secondsPerToken;
  });
}

function modelOf(regression: DecayingRegression): PrefillModel {
  const secondsPerToken = clamp(slope(regression) ?? 0, FASTEST, SLOWEST);
  const startSeconds = clamp(
    (regression.y - secondsPerToken * regression.x) / regression.n,
    0,
    LONGEST_START,
  );
  return { secondsPerToken, startSeconds };
}

/** Returns a server's slowness relative to the others, shrunk towards 1. */
function slownessOf({ n, x, y }: DecayingRegression, usual: PrefillModel): number {
  const expected = usual.startSeconds * n + usual.secondsPerToken * x;
  if (!(expected > 0)) return 1;
  const doubt = ALIKE * expected / n;
  return clamp((y + doubt) / (expected + doubt), 1 / MOST_TIMES, MOST_TIMES);
}

/** Returns the servers' slowness relative to the prior, which may be any: its logarithm shrinks. */
function hardwareOf({ n, x, y }: DecayingRegression, prior: PrefillModel): number {
  const expected = prior.startSeconds * n + prior.secondsPerToken * x;
  if (!(expected > 0)) return 1;
  return clamp((y / expected) ** (n / (n + LITTLE)), 1 / MOST_TIMES_PRIOR, MOST_TIMES_PRIOR);
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

/** Below this many observations, a pace is not known. */
export const FEW = 4;

/** Whether there are too few observations of a server's prefill to rely on. */
export function isLittleKnown(seen: Seen, now: number): boolean {
  return decayed(seen.prefill[0]!, now).n < FEW;
}

/** Adds an observation of prefill. */
export function withPrefill(seen: Seen, one: PrefillObservation, now: number): Seen {
  const prefill = seen.prefill.map((regression, place) =>
    observed(regression, workOf(one, GROWTHS[place]!), one.seconds, now)
  );
  return { ...seen, prefill };
}

/** Adds an observation of decoding. */
export function withDecode(seen: Seen, { tokens, seconds }: Observation, now: number): Seen {
  return { ...seen, decode: observed(seen.decode, tokens, seconds, now) };
}
