import { z } from "zod";
import { GROWTHS } from "./attention.ts";
import { combine, type DecayingRegression, NO_SAMPLES, observed } from "./decaying_regression.ts";
import {
  FASTEST,
  FEW,
  type LatencyModel,
  latencyModelOf,
  LONGEST_START,
  LONGEST_STEP,
  NOTHING_SEEN,
  type Seen,
  SHORTEST_STEP,
  SLOWEST,
} from "./latency_model.ts";

/** A number within bounds. */
export const within = (least: number, most: number) => z.number().min(least).max(most);

/**
 * What was learned of a server's pace, or of all servers'. Observations are saved as the line through
 * them: whatever a file says, it is a pace that hardware can have, and weighs little.
 */
export const paceShape = z.object({
  /** Weight of the prefill, in observations. */
  prefills: within(0, FEW),
  /** For each of {@linkcode GROWTHS}: seconds without a token, and seconds per token. */
  prefill: z.array(z.tuple([within(0, LONGEST_START), within(FASTEST, SLOWEST)]))
    .length(GROWTHS.length),
  /** Weight of the decoding, in observations. */
  decodes: within(0, FEW),
  /** Seconds per token of an answer. */
  step: within(SHORTEST_STEP, LONGEST_STEP),
});

export type SavedPace = z.output<typeof paceShape>;

/** Prompt tokens at the second of the two points that stand for a line; the first is at none. */
const FAR_TOKENS = 4_000;
/** Answer tokens of one observation of decoding. */
const STEPS = 200;

/**
 * Returns what was learned of a server's pace, as it was at the last observation: what has faded
 * since still tells which hardware it is.
 */
export function savedPace(own: Seen, all: Seen): SavedPace {
  return paceOf(own, (place) => latencyModelOf(own, all, place));
}

/** Returns what was learned of the pace of all servers. */
export function savedFleetPace(all: Seen): SavedPace {
  return paceOf(all, (place) => latencyModelOf(NOTHING_SEEN, all, place));
}

function paceOf({ prefill, decode }: Seen, modelAt: (place: number) => LatencyModel): SavedPace {
  const models = GROWTHS.map((_, place) => modelAt(place));
  return {
    prefills: Math.min(FEW, prefill[0]!.n),
    prefill: models.map(({ startSeconds, secondsPerToken }) => [startSeconds, secondsPerToken]),
    decodes: Math.min(FEW, decode.n),
    step: models[0]!.secondsPerAnswerToken,
  };
}

/**
 * Returns observations that show a saved pace, as if they had just been made.
 *
 * @param now monotonic time in milliseconds
 */
export function restoredPace({ prefills, prefill, decodes, step }: SavedPace, now: number): Seen {
  if (prefills === 0 && decodes === 0) return NOTHING_SEEN;
  return {
    prefill: prefill.map(([start, perToken]) => {
      const near = observed(NO_SAMPLES, 0, start, now);
      const both = observed(near, FAR_TOKENS, start + perToken * FAR_TOKENS, now);
      return weighed(both, prefills);
    }),
    decode: weighed(observed(NO_SAMPLES, STEPS, STEPS * step, now), decodes),
  };
}

/** Gives observations this weight in all. */
function weighed(regression: DecayingRegression, weight: number): DecayingRegression {
  return combine([[regression, weight / regression.n]]);
}
