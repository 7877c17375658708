import {
  combine,
  decayed,
  type DecayingRegression,
  NO_SAMPLES,
  observed,
  scaled,
  slope,
} from "./decaying_regression.ts";

/** How fast a server is, as far as the router has seen. */
export interface LatencyModel {
  /** Seconds until the first token of a prompt without work, such as one step of decoding. */
  readonly startSeconds: number;
  /** Seconds that each uncached prompt token adds. */
  readonly secondsPerToken: number;
  /** Seconds for each token of an answer after the first. */
  readonly secondsPerAnswerToken: number;
}

/** A number of tokens and the seconds they took. */
export interface Observation {
  /** Computed prompt tokens, or tokens of an answer after its first. */
  readonly tokens: number;
  /** Time to the first token, or the sum of the times between tokens. */
  readonly seconds: number;
}

/** What was seen of a server, or of all together. */
export interface Seen {
  /** Seconds of prefill over uncached tokens. */
  readonly prefill: DecayingRegression;
  /** Seconds of answers over their tokens. */
  readonly decode: DecayingRegression;
}

/** Nothing seen yet. */
export const NOTHING_SEEN: Seen = { prefill: NO_SAMPLES, decode: NO_SAMPLES };

/** What was seen, as it counts by now: what was slow long ago need not be. */
export function faded({ prefill, decode }: Seen, now: number): Seen {
  return { prefill: decayed(prefill, now), decode: decayed(decode, now) };
}

/** Before anything was seen: a middling model on one GPU, two observations' worth. */
const PRIOR: Seen = {
  prefill: observed(observed(NO_SAMPLES, 0, 0.04, 0), 4_000, 0.44, 0),
  decode: observed(NO_SAMPLES, 100, 3, 0),
};
/** Observations that what all servers show counts for, beside a server's own. */
const SHARED = 4;
/** Observations that a server's being as fast as all others counts for. */
const ALIKE = 2;
/** A server is at most so many times as slow or as fast as all others by what few prompts show. */
const MOST_TIMES = 10;
/**
 * What the prior counts for at least. Of prompts that are all of about one length nothing else says
 * what a longer one would take.
 */
const LEAST_DOUBT = 0.01;

const FASTEST = 1 / 1_000_000;
const SLOWEST = 1 / 50;
const LONGEST_START = 10;
const SHORTEST_STEP = 0.001;
const LONGEST_STEP = 5;

/**
 * What to expect of a server: its own observations, with some of what all servers show and the
 * prior as long as they are few. A server's first minutes are thereby not wild. What others show
 * counts as many times as long as the server takes for prompts like its own: one that is slow gets
 * short prompts, and they alone don't tell what a long one would take.
 */
export function latencyModelOf(own: Seen, all: Seen): LatencyModel {
  const usual = prefillOf(together(NO_SAMPLES, all.prefill, PRIOR.prefill));
  const times = timesAsLong(own.prefill, usual);
  const prefill = together(
    own.prefill,
    scaled(all.prefill, times),
    scaled(PRIOR.prefill, times),
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

/** How many times as long as usual a server took, taken with some doubt. */
function timesAsLong({ n, x, y }: DecayingRegression, usual: ReturnType<typeof prefillOf>): number {
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
  // What all show pushes the prior out as well.
  const shared = all.n === 0 ? 0 : SHARED / Math.max(SHARED, all.n);
  const doubt = Math.max(LEAST_DOUBT, 1 / (1 + own.n + all.n));
  return combine([[own, 1], [all, shared], [prior, doubt]]);
}

/** A time that exceeds the expected one by more than this factor has other causes than the pace. */
const MOST_TIMES_EXPECTED = 4;
/** Tokens that one observation may weigh, so that a wrong one is soon outweighed. */
const MOST_TOKENS = 10_000;

/** Caps a measured time at what still says something about a server's pace. */
export function plausibleSeconds(seconds: number, expectedSeconds: number): number {
  return Math.min(seconds, MOST_TIMES_EXPECTED * expectedSeconds + 0.5);
}

/** Limits what a server reports about a prefill to what is plausible at its expected pace. */
export function plausiblePrefill(reported: Observation, expected: LatencyModel): Observation {
  const { tokens, seconds } = scaledDown(reported);
  const expectedSeconds = expected.startSeconds + tokens * expected.secondsPerToken;
  return {
    tokens,
    seconds: plausibleSeconds(Math.max(seconds, tokens * FASTEST), expectedSeconds),
  };
}

/** Limits what a server or an answer reports about decoding to what is plausible. */
export function plausibleDecode(reported: Observation): Observation {
  const { tokens, seconds } = scaledDown(reported);
  return { tokens, seconds: clamp(seconds, tokens * SHORTEST_STEP, tokens * LONGEST_STEP) };
}

/** The same rate over at most {@linkcode MOST_TOKENS}. */
function scaledDown({ tokens, seconds }: Observation): Observation {
  const part = Math.min(1, MOST_TOKENS / tokens);
  return { tokens: part * tokens, seconds: part * seconds };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** A server's own figures are rougher than what was seen: they count where that is next to nothing. */
const FEW = 4;

/** Whether too little was seen of a server's prefill to go by. */
export function isLittleKnown(seen: Seen, now: number): boolean {
  return faded(seen, now).prefill.n < FEW;
}

/** What was seen, with one more observation of prefill or of decoding. */
export function withObservation(
  seen: Seen,
  kind: keyof Seen,
  { tokens, seconds }: Observation,
  now: number,
): Seen {
  return { ...seen, [kind]: observed(seen[kind], tokens, seconds, now) };
}
