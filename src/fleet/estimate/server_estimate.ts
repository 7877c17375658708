import { begun, dequeue, newPrefillQueue, type PrefillQueue } from "./prefill_queue.ts";
import { plus, type Prefill } from "./attention.ts";
import type { Scrape } from "./load.ts";
import {
  FEW,
  type LatencyModel,
  latencyModelOf,
  NOTHING_SEEN,
  type Observation,
  type PrefillObservation,
  type Seen,
} from "./latency_model.ts";
import { plausibleDecode, plausibleSeconds } from "./plausible.ts";
import { type HitCalibration, UNCALIBRATED, withSent } from "./hit_calibration.ts";
import type { QueuedRequest } from "./prompt_profile.ts";

/** The estimator's state about one server. */
export interface ServerEstimate {
  /** Its slot in the prefix index. */
  readonly slot: number;
  readonly queue: PrefillQueue;
  seen: Seen;
  /** Observations of its prefill so far. */
  learned: number;
  /** Cached latency model, the observations it is based on, and when it was computed. */
  expected:
    | { readonly latency: LatencyModel; readonly seen: Seen; readonly at: number }
    | undefined;
  calibration: HitCalibration;
  /** Tokens of a block of its KV cache. */
  blockTokens: number;
  /** The latest step that brought a first token. */
  step: Step | undefined;
  /** The most requests it was seen to run concurrently, decaying over time. */
  mostRan: number;
  /** Monotonic time in milliseconds at which its counters were read; 0 if they are restored. */
  countedAt: number;
  /** Prompts whose first token arrived since the last scrape. */
  started: Started | undefined;
  /** Its own counters at the last scrape. */
  counters: Scrape["counters"];
  /** It had queued requests at the last scrape. */
  queued: boolean;
}

/** An engine step, which may bring several first tokens. */
interface Step {
  readonly at: number;
  readonly seconds: number;
  /** Prefills of all prompts whose first token it brought. */
  prefill: Prefill;
  /** Its duration depends only on the server's speed, and the model hasn't learned from it yet. */
  isUsable: boolean;
}

/** Prompts whose first token arrived since the last scrape. */
interface Started {
  count: number;
  /** Sum of their prompt bytes. */
  bytes: number;
  /** Model of the first of them. */
  readonly model: string | undefined;
  /** All use that model, have a known length and are streamed. */
  alike: boolean;
}

/** vLLM's default on GPUs. */
const USUAL_BLOCK_TOKENS = 16;
/** First tokens within this many milliseconds belong to one step. */
const SAME_STEP_MS = 5;
/** How long a latency model is reused unless the server's own observations change. */
const SAME_LATENCY_MS = 100;

/** Creates an empty estimate. */
export function newServerEstimate(slot: number): ServerEstimate {
  return {
    slot,
    queue: newPrefillQueue(),
    seen: NOTHING_SEEN,
    learned: 0,
    expected: undefined,
    calibration: UNCALIBRATED,
    blockTokens: USUAL_BLOCK_TOKENS,
    step: undefined,
    mostRan: 0,
    countedAt: 0,
    started: undefined,
    counters: undefined,
    queued: false,
  };
}

/** Returns a server's latency model. Cached, since every decision needs it for all servers. */
export function expectedLatency(
  estimate: ServerEstimate,
  all: Seen,
  place: number,
  now: number,
): LatencyModel {
  const { expected, seen } = estimate;
  if (expected?.seen === seen && Math.abs(now - expected.at) < SAME_LATENCY_MS) {
    return expected.latency;
  }
  const latency = latencyModelOf(seen, all, place, now);
  estimate.expected = { latency, seen, at: now };
  return latency;
}

/** Records a request's first token; for an unstreamed answer, its arrival. */
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
  addToStep(estimate, request, now);
}

/** Records the first token of another router's request. */
export function startOther(estimate: ServerEstimate, request: QueuedRequest, now: number): void {
  if (request.profile.stream) addToStep(estimate, request, now);
  else dequeue(estimate.queue, request);
}

function addToStep(estimate: ServerEstimate, request: QueuedRequest, now: number): void {
  const seconds = begun(estimate.queue, request, now);
  const { step } = estimate;
  if (step && isSameStep(step, now)) {
    step.prefill = plus(step.prefill, request.own);
    step.isUsable &&= request.isClear;
    return;
  }
  const expected = (request.expectedAt - request.at) / 1000;
  estimate.step = {
    at: now,
    seconds: plausibleSeconds(seconds, expected, estimate.learned >= FEW),
    prefill: request.own,
    isUsable: request.isClear,
  };
}

/** Returns the latest step as a prefill observation once it can bring no more first tokens. */
export function takeStep({ step }: ServerEstimate, now: number): PrefillObservation | undefined {
  if (!step?.isUsable || isSameStep(step, now)) return undefined;
  step.isUsable = false;
  return { ...step.prefill, seconds: step.seconds };
}

function isSameStep({ at }: Step, now: number): boolean {
  return Math.abs(now - at) < SAME_STEP_MS;
}

/** Ends a request. Returns a decoding observation if it was streamed and its tokens are known. */
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
