import { NO_PREFILL, plus, type Prefill, workOf } from "./attention.ts";
import type { LatencyModel } from "./latency_model.ts";
import type { QueuedRequest } from "./prompt_profile.ts";

/** Requests on one server that wait for their first token, in the order they were sent. */
export interface PrefillQueue {
  readonly waiting: Set<QueuedRequest>;
  /** The first of `waiting`. */
  first: QueuedRequest | undefined;
  /** Sum of their prefills. */
  total: Prefill;
  /** Monotonic time in milliseconds of the most recent first token. */
  lastFirstAt: number;
}

const NOTHING_PENDING = { tokens: 0, work: 0 };
/** Prompt tokens that a server computes in one step; may span several short prompts. */
const STEP_TOKENS = 2_048;

export function newPrefillQueue(): PrefillQueue {
  return { waiting: new Set(), first: undefined, total: NO_PREFILL, lastFirstAt: 0 };
}

export function enqueue(queue: PrefillQueue, request: QueuedRequest): void {
  queue.waiting.add(request);
  queue.first ??= request;
  queue.total = plus(queue.total, request.own);
}

/** Removes a request. Returns `false` if it was already removed. */
export function dequeue(queue: PrefillQueue, request: QueuedRequest): boolean {
  if (!queue.waiting.delete(request)) return false;
  if (queue.first === request) [queue.first] = queue.waiting;
  queue.total = queue.waiting.size === 0 ? NO_PREFILL : minus(queue.total, request.own);
  return true;
}

/**
 * Removes unstreamed requests from the front once their first token is expected: it can't be seen.
 *
 * @param now monotonic time in milliseconds
 */
export function passTime(queue: PrefillQueue, now: number): void {
  for (let { first } = queue; first && isComputedBy(first, now); first = queue.first) {
    dequeue(queue, first);
    queue.lastFirstAt = Math.max(queue.lastFirstAt, first.expectedAt);
  }
}

/** Returns the work of the longest waiting prompt, 0 if none waits. */
export function longestWaiting({ waiting }: PrefillQueue, growth: number): number {
  let work = 0;
  for (const { own } of waiting) work = Math.max(work, workOf(own, growth));
  return work;
}

/** Whether an unstreamed request waits, whose first token can't be seen. */
export function hidesFirstTokens({ waiting }: PrefillQueue): boolean {
  for (const { profile } of waiting) if (!profile.stream) return true;
  return false;
}

/**
 * Estimates what is still to be computed. Servers prefill in order, so the first prompt may be
 * partly done.
 *
 * @param now monotonic time in milliseconds
 */
export function pendingOf(
  queue: PrefillQueue,
  secondsPerToken: number,
  growth: number,
  now: number,
): { readonly tokens: number; readonly work: number } {
  const { first, total } = queue;
  if (first === undefined) return NOTHING_PENDING;
  // A request that waits for a seat is not being computed.
  const underWay = first.queued ? 0 : Math.max(workOf(first.own, growth), STEP_TOKENS);
  const done = Math.min(underWay, secondsUnderWay(queue, first, now) / secondsPerToken);
  const all = workOf(total, growth);
  const work = Math.max(0, all - done);
  return { tokens: all === 0 ? 0 : total.tokens * work / all, work };
}

/**
 * Estimates the share of a prompt that a server has when it is aborted before its first token, 0
 * to 1. Servers prefill in order, so only the first in line is partly computed.
 *
 * @param now monotonic time in milliseconds
 */
export function computedShare(
  queue: PrefillQueue,
  request: QueuedRequest,
  { secondsPerToken, growth }: LatencyModel,
  now: number,
): number {
  const { own, promptTokens } = request;
  if (isComputedBy(request, now)) return 1;
  if (queue.first !== request || request.queued) return 0;
  const done = secondsUnderWay(queue, request, now) / secondsPerToken;
  const left = own.tokens * Math.max(0, 1 - done / workOf(own, growth));
  return 1 - left / Math.max(1, promptTokens);
}

/** Whether the prompt of an unstreamed answer, which shows no first token, is expected to be done. */
export function isComputedBy({ profile, expectedAt }: QueuedRequest, now: number): boolean {
  return !profile.stream && now >= expectedAt;
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
    Math.max(workOf(first.own, latency.growth), STEP_TOKENS) * latency.secondsPerToken;
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

function minus(a: Prefill, b: Prefill): Prefill {
  return { tokens: a.tokens - b.tokens, attended: a.attended - b.attended };
}
