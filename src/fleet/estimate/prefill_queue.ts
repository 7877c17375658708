import type { LatencyModel } from "./latency_model.ts";
import type { QueuedRequest } from "./prompt_profile.ts";

/** Requests on one server that wait for their first token, in the order they were sent. */
export interface PrefillQueue {
  readonly waiting: Set<QueuedRequest>;
  /** The first of `waiting`. */
  first: QueuedRequest | undefined;
  /** Sum of their tokens that are not in the server's cache. */
  tokens: number;
  /** Monotonic time in milliseconds of the most recent first token. */
  lastFirstAt: number;
}

/** Prompt tokens that a server computes in one step; may span several short prompts. */
const STEP_TOKENS = 2_048;

export function newPrefillQueue(): PrefillQueue {
  return { waiting: new Set(), first: undefined, tokens: 0, lastFirstAt: 0 };
}

export function enqueue(queue: PrefillQueue, request: QueuedRequest): void {
  queue.waiting.add(request);
  queue.first ??= request;
  queue.tokens += request.ownTokens;
}

/** Removes a request. Returns `false` if it was already removed. */
export function dequeue(queue: PrefillQueue, request: QueuedRequest): boolean {
  if (!queue.waiting.delete(request)) return false;
  if (queue.first === request) [queue.first] = queue.waiting;
  queue.tokens = queue.waiting.size === 0 ? 0 : queue.tokens - request.ownTokens;
  return true;
}

/**
 * Removes unstreamed requests from the front once their first token is expected: it can't be seen.
 *
 * @param now monotonic time in milliseconds
 */
export function passTime(queue: PrefillQueue, now: number): void {
  for (let { first } = queue; first && !first.profile.stream; first = queue.first) {
    if (now < first.expectedAt) return;
    dequeue(queue, first);
    queue.lastFirstAt = Math.max(queue.lastFirstAt, first.expectedAt);
  }
}

/** Returns the uncached tokens of the longest waiting prompt, 0 if none waits. */
export function longestWaiting({ waiting }: PrefillQueue): number {
  let tokens = 0;
  for (const { ownTokens } of waiting) tokens = Math.max(tokens, ownTokens);
  return tokens;
}

/** Whether an unstreamed request waits, whose first token can't be seen. */
export function hidesFirstTokens({ waiting }: PrefillQueue): boolean {
  for (const { profile } of waiting) if (!profile.stream) return true;
  return false;
}

/**
 * Estimates the tokens still to be computed. Servers prefill in order, so the first prompt may be
 * partly done.
 *
 * @param now monotonic time in milliseconds
 */
export function pendingTokens(
  queue: PrefillQueue,
  secondsPerToken: number,
  now: number,
): number {
  const { first } = queue;
  if (first === undefined) return 0;
  // A request that waits for a seat is not being computed.
  const underWay = first.queued ? 0 : Math.max(first.ownTokens, STEP_TOKENS);
  const done = Math.min(underWay, secondsUnderWay(queue, first, now) / secondsPerToken);
  return Math.max(0, queue.tokens - done);
}

/**
 * Returns how many times as long as expected the first prompt has taken so far; at least 1. This
 * shows that a server has become slower before an overdue first token arrives.
 *
 * @param now monotonic time in milliseconds
 */
export function lateness(queue: PrefillQueue, latency: LatencyModel, now: number): number {
  const { first } = queue;
  if (first === undefined || first.queued || !first.profile.stream) return 1;
  const usual = latency.startSeconds +
    Math.max(first.ownTokens, STEP_TOKENS) * latency.secondsPerToken;
  return Math.max(1, secondsUnderWay(queue, first, now) / usual);
}

/**
 * Removes a request whose first token has arrived, and earlier unstreamed ones, which must have
 * had theirs.
 *
 * @returns seconds since the server could begin its prefill
 */
export function begun(
  queue: PrefillQueue,
  request: QueuedRequest,
  now: number,
): number {
  for (const earlier of queue.waiting) {
    if (earlier === request) break;
    if (!earlier.profile.stream) dequeue(queue, earlier);
  }
  dequeue(queue, request);
  const seconds = secondsUnderWay(queue, request, now);
  queue.lastFirstAt = now;
  return seconds;
}

/** Returns the seconds since the server could begin a request's prefill. */
function secondsUnderWay(
  { lastFirstAt }: PrefillQueue,
  { at }: QueuedRequest,
  now: number,
): number {
  // Never negative, whatever the clock does.
  return Math.max(0, now - Math.max(at, lastFirstAt)) / 1000;
}
