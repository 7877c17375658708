import { workOf } from "./attention.ts";
import {
  FASTEST,
  type LatencyModel,
  LONGEST_STEP,
  MOST_TIMES_PRIOR,
  type Observation,
  type PrefillObservation,
  SHORTEST_STEP,
} from "./latency_model.ts";

/** Times longer than expected by more than this factor have causes other than server speed. */
const MOST_TIMES_EXPECTED = 4;
/** Maximum tokens of one observation, so that a wrong one is soon outweighed. */
const MOST_TOKENS = 10_000;

/** Caps a measured time at what is plausible given the expected time. */
export function plausibleSeconds(
  seconds: number,
  expectedSeconds: number,
  isKnown: boolean,
): number {
  const times = isKnown ? MOST_TIMES_EXPECTED : MOST_TIMES_PRIOR;
  return Math.min(seconds, times * expectedSeconds + 0.5);
}

/** Limits a reported prefill to what is plausible given the expected latencies. */
export function plausiblePrefill(
  reported: PrefillObservation,
  expected: LatencyModel,
  isKnown: boolean,
): PrefillObservation {
  const part = believedShare(reported);
  const tokens = part * reported.tokens;
  const attended = part * reported.attended;
  const seconds = Math.max(part * reported.seconds, tokens * FASTEST);
  const work = workOf({ tokens, attended }, expected.growth);
  const expectedSeconds = expected.startSeconds + work * expected.secondsPerToken;
  return { tokens, attended, seconds: plausibleSeconds(seconds, expectedSeconds, isKnown) };
}

/** Limits reported decoding times to what is plausible. */
export function plausibleDecode(reported: Observation): Observation {
  const part = believedShare(reported);
  const tokens = part * reported.tokens;
  const seconds = part * reported.seconds;
  return {
    tokens,
    seconds: Math.min(tokens * LONGEST_STEP, Math.max(tokens * SHORTEST_STEP, seconds)),
  };
}

/** Returns the share of an observation that keeps it within {@linkcode MOST_TOKENS}. */
function believedShare({ tokens }: Observation): number {
  return Math.min(1, MOST_TOKENS / tokens);
}
