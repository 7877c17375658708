import { begun, dequeue, newPrefillQueue, type PrefillQueue } from "./prefill_queue.ts";
import { decay } from "./decaying_regression.ts";
import type { Scrape } from "./load.ts";
import {
  faded,
  type LatencyModel,
  latencyModelOf,
  NOTHING_SEEN,
  type Observation,
  plausibleDecode,
  plausibleSeconds,
  type Seen,
} from "./latency_model.ts";
import { type HitCalibration, UNCALIBRATED, withCounters, withSent } from "./hit_calibration.ts";
import type { QueuedRequest } from "./prompt_profile.ts";

/** What is known of the work at one server. */
export interface ServerEstimate {
  /** Its place in the index of prefixes. */
  readonly slot: number;
  readonly queue: PrefillQueue;
  seen: Seen;
  /** What to expect of it, after what was seen, and when that was worked out. */
  expected:
    | { readonly latency: LatencyModel; readonly seen: Seen; readonly at: number }
    | undefined;
  calibration: HitCalibration;
  /** The latest step. */
  step: Step | undefined;
  /** The most that it was seen to compute side by side, older sights counting less. */
  mostRan: number;
  /** Clock time in milliseconds at which its counters were read. */
  countedAt: number;
  /** Of prompts whose first token came since the last scrape. */
  started: Started | undefined;
  /** Its own counters, as last read. */
  counters: Scrape["counters"];
  /** It had requests in its queue when they were read. */
  queued: boolean;
}

/** A step of a server, which may bring several first tokens. */
interface Step {
  readonly at: number;
  readonly seconds: number;
  /** Of all prompts whose first token it brought. */
  tokens: number;
  /** It tells of the server's pace, and hasn't done so yet. */
  isUsable: boolean;
}

/** Prompts whose first token came within some time. */
interface Started {
  count: number;
  /** Of all of them together. */
  bytes: number;
  /** Of the first of them. */
  readonly model: string | undefined;
  /** All are of that model, of a length that is known, and their first tokens were seen. */
  alike: boolean;
}

/** First tokens within so many milliseconds come of one step. */
const SAME_STEP_MS = 5;
/** For so long what all servers show moves nothing that matters. */
const SAME_LATENCY_MS = 100;

/** An empty book in the lowest slot that none of the others has. */
export function newServerEstimate(others: Iterable<ServerEstimate>): ServerEstimate {
  const taken = new Set(Array.from(others, (other) => other.slot));
  let slot = 0;
  while (taken.has(slot)) slot++;
  return {
    slot,
    queue: newPrefillQueue(),
    seen: NOTHING_SEEN,
    expected: undefined,
    calibration: UNCALIBRATED,
    step: undefined,
    mostRan: 0,
    countedAt: 0,
    started: undefined,
    counters: undefined,
    queued: false,
  };
}

/** What to expect of a server, which every choice asks of all of them. */
export function expectedLatency(estimate: ServerEstimate, all: Seen, now: number): LatencyModel {
  const { expected, seen } = estimate;
  if (expected?.seen === seen && Math.abs(now - expected.at) < SAME_LATENCY_MS) {
    return expected.latency;
  }
  const latency = latencyModelOf(faded(seen, now), faded(all, now));
  estimate.expected = { latency, seen, at: now };
  return latency;
}

/** A first token is here: of a stream, or of a whole answer with all the rest. */
export function start(estimate: ServerEstimate, request: QueuedRequest, now: number): void {
  if (request.firstAt !== undefined) return;
  request.firstAt = now;
  const { model, promptBytes, stream } = request.profile;
  if (promptBytes === 0) return;
  if (promptBytes !== undefined) {
    estimate.calibration = withSent(
      estimate.calibration,
      request.promptTokens,
      request.knownTokens,
    );
  }
  const started = estimate.started ??= { count: 0, bytes: 0, model, alike: true };
  started.count++;
  started.bytes += promptBytes ?? 0;
  started.alike &&= started.model === model && promptBytes !== undefined && stream;

  if (!stream) return void dequeue(estimate.queue, request);
  const seconds = begun(estimate.queue, request, now);
  const { step } = estimate;
  if (step && isSameStep(step, now)) {
    step.tokens += request.ownTokens;
    step.isUsable &&= request.isClear;
    return;
  }
  const expected = (request.expectedAt - request.at) / 1000;
  estimate.step = {
    at: now,
    seconds: plausibleSeconds(seconds, expected),
    tokens: request.ownTokens,
    isUsable: request.isClear,
  };
}

/** What the latest step tells of the server's prefill, once it can bring no more first tokens. */
export function takeStep({ step }: ServerEstimate, now: number): Observation | undefined {
  if (!step?.isUsable || isSameStep(step, now)) return undefined;
  step.isUsable = false;
  return step;
}

function isSameStep({ at }: Step, now: number): boolean {
  return Math.abs(now - at) < SAME_STEP_MS;
}

/** A request has ended, with so many tokens of an answer where that is known. */
export function close(
  estimate: ServerEstimate,
  request: QueuedRequest,
  answerTokens: number | undefined,
  now: number,
): Observation | undefined {
  dequeue(estimate.queue, request);
  if (request.firstAt === undefined || !request.profile.stream) return undefined;
  if (answerTokens === undefined || answerTokens < 2) return undefined;
  const seconds = Math.max(0, now - request.firstAt) / 1000;
  return plausibleDecode({ tokens: answerTokens - 1, seconds });
}

/** A reported batch counts up to this many times the capacity, or the router's own requests there. */
const MOST_TIMES_RAN = 10;

/**
 * Takes a server's counters. Tells whether it has started anew, which empties its cache.
 *
 * @param capacity the configured number of concurrent requests
 */
export function count(
  estimate: ServerEstimate,
  { counters, ownInFlight, ...reported }: Pick<Scrape, "counters" | "running" | "ownInFlight">,
  capacity: number,
  now: number,
): "anew" | "same" {
  const running = Math.min(reported.running, MOST_TIMES_RAN * Math.max(capacity, ownInFlight));
  const before = estimate.counters;
  estimate.counters = counters;
  const fell = (name: "prompt" | "prefixQueries") =>
    (counters?.[name] ?? 0) < (before?.[name] ?? 0);
  if (before && counters && (fell("prompt") || fell("prefixQueries"))) {
    estimate.calibration = { ...UNCALIBRATED, share: estimate.calibration.share };
    estimate.mostRan = running;
    return "anew";
  }
  estimate.mostRan = Math.max(decay(now - estimate.countedAt) * estimate.mostRan, running);
  estimate.countedAt = now;
  estimate.calibration = withCounters(
    estimate.calibration,
    counters?.prefixQueries,
    counters?.prefixHits,
    now,
  );
  return "same";
}
