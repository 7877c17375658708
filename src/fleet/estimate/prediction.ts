import type { Prediction } from "../../routing/policy.ts";
import { prefillOf, workOf } from "./attention.ts";
import { lateness, pendingOf } from "./prefill_queue.ts";
import type { ServerEstimate } from "./server_estimate.ts";
import type { Load } from "./load.ts";
import type { LatencyModel } from "./latency_model.ts";
import type { Server } from "../state/server.ts";

/** What a request needs on any server, and averages over all requests. */
export interface Demand {
  /** Prompt tokens. */
  readonly promptTokens: number;
  /** Returns how many of them the server in a slot has seen before. */
  knownTokens(slot: number): number;
  /** Prompt tokens of one block of the index. */
  readonly blockTokens: number;
  /** Slot of the server that last had the request's session, if known. */
  readonly sessionSlot: number | undefined;
  /** Mean tokens of an answer. */
  readonly meanAnswerTokens: number;
  /**
   * How many times as long as expected prompts take while the servers' pace isn't known; at least 1.
   */
  readonly fleetLateness: number;
  /** Mean prompt tokens of a request in flight that are still to be computed. */
  readonly meanPendingTokens: number;
}

/** Assumed known share of the prompt on the session's last server if no block matches. */
const SESSION_SHARE = 0.5;
/** Above this KV cache usage, a server that queues can't run more requests than it does now. */
const FULL_CACHE = 0.9;

/**
 * Predicts what a request would find on a server.
 *
 * @param usual the server's learned latency model
 * @param now monotonic time in milliseconds
 */
export function predictionAt(
  server: Readonly<Server>,
  load: Load,
  { slot, queue, calibration, mostRan, blockTokens }: ServerEstimate,
  usual: LatencyModel,
  demand: Demand,
  now: number,
): Prediction {
  const { promptTokens } = demand;
  const knownTokens = demand.knownTokens(slot);
  const likelyTokens = likelyHit(demand, slot, knownTokens, blockTokens);
  const late = Math.max(lateness(queue, usual, now), demand.fleetLateness);
  const secondsPerToken = usual.secondsPerToken * late;
  const total = load.running + load.waiting;
  const others = Math.max(0, total - server.inFlight - server.peersInFlight);
  const seats = seatsOf(server, load, mostRan);
  const pending = pendingOf(queue, secondsPerToken, usual.growth, now);
  const othersTokens = others * demand.meanPendingTokens;
  // The last prompt token is always computed: it yields the first token of the answer.
  const ownTokens = Math.max(
    Math.min(1, promptTokens),
    promptTokens - calibration.share * likelyTokens,
  );
  return {
    pendingTokens: pending.tokens + othersTokens,
    pendingWork: pending.work + othersTokens,
    promptTokens,
    knownTokens,
    ownTokens,
    ownWork: workOf(prefillOf(promptTokens, ownTokens), usual.growth),
    secondsPerToken,
    startSeconds: usual.startSeconds,
    aheadOfSeat: Math.max(0, total + 1 - seats),
    secondsPerSeat: demand.meanAnswerTokens * usual.secondsPerAnswerToken / seats,
    crowding: (total + 1) / seats,
  };
}

/**
 * Returns the prompt tokens that a server probably has in its cache.
 *
 * @param cacheBlock tokens of a block of that cache
 */
function likelyHit(
  { promptTokens, blockTokens, sessionSlot }: Demand,
  slot: number,
  knownTokens: number,
  cacheBlock: number,
): number {
  if (knownTokens === 0) return slot === sessionSlot ? SESSION_SHARE * promptTokens : 0;
  // The prompt differs from a known one within the next block, and a hit ends with a cache's block.
  return Math.min(promptTokens, Math.max(0, knownTokens + (blockTokens - cacheBlock) / 2));
}

/**
 * Returns how many requests a server can run concurrently. A queue alone says nothing about this,
 * since prompts also wait for prefill.
 *
 * @param mostRan the most it was seen to run, whatever the configuration says
 */
function seatsOf(
  { config, scrape }: Readonly<Server>,
  { running, waiting }: Load,
  mostRan: number,
): number {
  // `waiting` is above 0 only with a fresh scrape.
  if (waiting > 0 && (scrape?.kvCacheUsage ?? 0) > FULL_CACHE) return Math.max(1, running);
  return Math.max(config.capacity, mostRan);
}
