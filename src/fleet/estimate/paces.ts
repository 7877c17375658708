import { isFromBeginning, NO_FIT, withErrors } from "./attention.ts";
import {
  faded,
  FEW,
  type LatencyModel,
  NOTHING_SEEN,
  type Observation,
  predictedSeconds,
  type PrefillObservation,
  type Seen,
  withDecode,
  withPrefill,
} from "./latency_model.ts";
import { lateness } from "./prefill_queue.ts";
import { expectedLatency, type ServerEstimate } from "./server_estimate.ts";

/** What is learned of the servers' paces, each server's own and that of all. */
export interface Paces {
  expected(estimate: ServerEstimate, now: number): LatencyModel;
  learnPrefill(
    estimate: ServerEstimate,
    one: PrefillObservation | undefined,
    now: number,
  ): void;
  learnDecode(estimate: ServerEstimate, one: Observation | undefined, now: number): void;
  /** Returns what is known of all servers. */
  known(): KnownPaces;
  /** Takes over what was known of all servers. */
  restore(known: KnownPaces): void;
  /**
   * Returns how many times as long as expected prompts take until a pace is known; at least 1.
   * What is overdue at one server then shows how slow all of them may be.
   */
  lateness(estimates: Iterable<ServerEstimate>, now: number): number;
}

/** What is known of all servers' paces. */
export interface KnownPaces {
  /** Observations of all servers. */
  readonly all: Seen;
  /** Place of the growth in use. */
  readonly place: number;
  /** Observations of prefill so far. */
  readonly learned: number;
}

/** How long something of unknown length takes in all, in multiples of how long it has taken. */
const LINDY = 1.5;

export function createPaces(): Paces {
  let all: Seen = NOTHING_SEEN;
  let fit = NO_FIT;
  let learned = 0;

  const expected = (estimate: ServerEstimate, now: number) =>
    expectedLatency(estimate, all, fit.place, now);

  return {
    expected,
    known: () => ({ all, place: fit.place, learned }),
    restore(known) {
      ({ all, learned } = known);
      fit = { ...NO_FIT, place: known.place };
    },
    learnPrefill(estimate, one, now) {
      if (!one) return;
      if (isFromBeginning(one)) {
        const predicted = predictedSeconds(faded(estimate.seen, now), faded(all, now), one);
        fit = withErrors(fit, predicted, one.seconds, now);
      }
      estimate.seen = withPrefill(estimate.seen, one, now);
      all = withPrefill(all, one, now);
      estimate.learned++;
      learned++;
    },
    learnDecode(estimate, one, now) {
      if (!one) return;
      estimate.seen = withDecode(estimate.seen, one, now);
      all = withDecode(all, one, now);
    },
    lateness(estimates, now) {
      if (learned >= FEW) return 1;
      let most = 1;
      for (const estimate of estimates) {
        most = Math.max(most, lateness(estimate.queue, expected(estimate, now), now));
      }
      return most === 1 ? 1 : LINDY * most;
    },
  };
}
