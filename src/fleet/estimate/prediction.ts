import type { Prediction } from "../../routing/policy.ts";
import { lateness, pendingTokens } from "./prefill_queue.ts";
import type { ServerEstimate } from "./server_estimate.ts";
import type { Load } from "./load.ts";
import type { LatencyModel } from "./latency_model.ts";
import type { Server } from "../state/server.ts";

/** What a request asks of any server, and what is known of all requests. */
export interface Demand {
  /** Tokens of its prompt. */
  readonly promptTokens: number;
  /** Those of them that went to a server before, by the server's slot. */
  knownTokens(slot: number): number;
  /** Slot of the server that had the request's session last, where one is known. */
  readonly sessionSlot: number | undefined;
  /** Mean tokens of an answer. */
  readonly meanAnswerTokens: number;
  /** Mean tokens that are yet to be computed of a request in flight. */
  readonly meanPendingTokens: number;
}

/** What a session that was there before is worth where the text tells nothing. */
const SESSION_SHARE = 0.5;
/** Above this share of its KV cache a server that queues has no room for more than it runs. */
const FULL_CACHE = 0.9;

/**
 * What a request would find at a server.
 *
 * @param usual the server's pace as it was learned
 * @param now clock time in milliseconds
 */
export function predictionAt(
  server: Readonly<Server>,
  load: Load,
  { slot, queue, calibration, mostRan }: ServerEstimate,
  usual: LatencyModel,
  demand: Demand,
  now: number,
): Prediction {
  const { promptTokens } = demand;
  const knownTokens = demand.knownTokens(slot);
  const likelyTokens = knownTokens === 0 && slot === demand.sessionSlot
    ? SESSION_SHARE * promptTokens
    : knownTokens;
  const secondsPerToken = usual.secondsPerToken * lateness(queue, usual, now);
  const total = load.running + load.waiting;
  const others = Math.max(0, total - server.inFlight);
  const seats = seatsOf(server, load, mostRan);
  return {
    pendingTokens: pendingTokens(queue, secondsPerToken, now) +
      others * demand.meanPendingTokens,
    promptTokens,
    knownTokens,
    // The last token is always computed, as a first one of the answer comes of it.
    ownTokens: Math.max(Math.min(1, promptTokens), promptTokens - calibration.share * likelyTokens),
    secondsPerToken,
    startSeconds: usual.startSeconds,
    aheadOfSeat: Math.max(0, total + 1 - seats),
    secondsPerSeat: demand.meanAnswerTokens * usual.secondsPerAnswerToken / seats,
    crowding: (total + 1) / seats,
  };
}

/**
 * Requests that a server computes side by side. A queue alone says nothing of them: prompts wait
 * for their turn at being computed as well.
 *
 * @param mostRan it was seen to do, whatever the configuration says
 */
function seatsOf(
  { config, scrape }: Readonly<Server>,
  { running, waiting }: Load,
  mostRan: number,
): number {
  // Only a scrape of now tells of a queue.
  if (waiting > 0 && (scrape?.kvCacheUsage ?? 0) > FULL_CACHE) return Math.max(1, running);
  return Math.max(config.capacity, mostRan);
}
