import { decay } from "./decaying_regression.ts";

/** Prompt tokens to compute, and how much of the prompt they attend to. */
export interface Prefill {
  /** Tokens that are not in the server's cache. */
  readonly tokens: number;
  /** Sum, over these, of the tokens before each, cached or not. */
  readonly attended: number;
}

/** No tokens. */
export const NO_PREFILL: Prefill = { tokens: 0, attended: 0 };

/** Returns the prefill of a prompt whose last tokens are computed. */
export function prefillOf(promptTokens: number, ownTokens: number): Prefill {
  return { tokens: ownTokens, attended: ownTokens * (promptTokens - ownTokens / 2) };
}

/** Whether hardly any of it was expected in a cache, so that its length is certain. */
export function isFromBeginning({ tokens, attended }: Prefill): boolean {
  return attended <= 0.55 * tokens ** 2;
}

/** Adds two prefills up. */
export function plus(a: Prefill, b: Prefill): Prefill {
  return { tokens: a.tokens + b.tokens, attended: a.attended + b.attended };
}

/**
 * Shares by which each token before it may lengthen the time of a prompt token. Which of them fits
 * depends on the model and the hardware: attention takes longer with the position, all else doesn't.
 * With the last one, a token at position 2,048 takes twice as long as the first.
 */
export const GROWTHS: readonly number[] = [
  0,
  ...[32_768, 16_384, 8_192, 4_096, 2_048].map((position) => 1 / position),
];

/** Returns how many tokens at the beginning of a prompt take as long as this prefill. */
export function workOf({ tokens, attended }: Prefill, growth: number): number {
  return tokens + attended * growth;
}

/** How well each of {@linkcode GROWTHS} has predicted times so far. */
export interface Fit {
  /** Place of the one in use. */
  readonly place: number;
  /** Decaying sums of squared errors, each divided by the seconds seen. */
  readonly errors: readonly number[];
  /** Monotonic time in milliseconds of the last observation. */
  readonly at: number;
}

/** Before any observation, all tokens are taken to cost the same. */
export const NO_FIT: Fit = { place: 0, errors: GROWTHS.map(() => 0), at: 0 };

/** The errors of another one must be this share at most, so that noise changes nothing. */
const BETTER = 0.75;
/** They must also be less by this much, in seconds: smaller differences change no choice. */
const MARGIN = 0.5;
/** Largest square root of one observation's error, so that an outlier is soon outweighed. */
const MOST_ERROR = 2;
/** Seconds that no prediction can resolve. */
const RESOLUTION = 0.02;

/**
 * Compares the times that each place predicted for an observation with the one seen.
 *
 * @param predicted seconds, one per place
 * @param now monotonic time in milliseconds
 */
export function withErrors(
  { place, errors, at }: Fit,
  predicted: readonly number[],
  seconds: number,
  now: number,
): Fit {
  const kept = decay(now - at);
  const sums = errors.map((sum, i) => {
    const error = (predicted[i]! - seconds) / Math.sqrt(RESOLUTION + seconds);
    return kept * sum + Math.min(MOST_ERROR, Math.abs(error)) ** 2;
  });
  const best = sums.indexOf(Math.min(...sums));
  return {
    place: sums[best]! < BETTER * sums[place]! - MARGIN ? best : place,
    errors: sums,
    at: now,
  };
}
