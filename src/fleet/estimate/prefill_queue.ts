import type { LatencyModel } from "./latency_model.ts";
import type { QueuedRequest } from "./prompt_profile.ts";

/** Requests at one server that wait for their first token, in the order they were sent. */
export interface PrefillQueue {
  readonly waiting: Set<QueuedRequest>;
  /** Of these. */
  first: QueuedRequest | undefined;
  /** Their tokens that are not in the server's cache, all together. */
  tokens: number;
  /** Clock time in milliseconds of the last first token. */
  lastFirstAt: number;
}

/** Tokens that a server computes in one step, of several prompts where they are short. */
const STEP_TOKENS = 2_048;

export function newPrefillQueue(): PrefillQueue {
  return { waiting: new Set(), first: undefined, tokens: 0, lastFirstAt: 0 };
}

export function enqueue(queue: PrefillQueue, request: QueuedRequest): void {
  queue.waiting.add(request);
  queue.first ??= request;
  queue.tokens += request.ownTokens;
}

/** Takes a ticket out; `false` where it is out already. */
export function dequeue(queue: PrefillQueue, request: QueuedRequest): boolean {
  if (!queue.waiting.delete(request)) return false;
  if (queue.first === request) [queue.first] = queue.waiting;
  queue.tokens = queue.waiting.size === 0 ? 0 : queue.tokens - request.ownTokens;
  return true;
}

/**
 * Time has passed: whole answers, whose first token nobody sees, leave when theirs has come.
 *
 * @param now clock time in milliseconds
 */
export function passTime(queue: PrefillQueue, now: number): void {
  for (let { first } = queue; first && !first.profile.stream; first = queue.first) {
    if (now < first.expectedAt) return;
    dequeue(queue, first);
    queue.lastFirstAt = Math.max(queue.lastFirstAt, first.expectedAt);
  }
}

/** Tokens of the longest prompt that waits, 0 where none does. */
export function longestWaiting({ waiting }: PrefillQueue): number {
  let tokens = 0;
  for (const { ownTokens } of waiting) tokens = Math.max(tokens, ownTokens);
  return tokens;
}

/** Whether a first token may be before the next one that nobody sees. */
export function hidesFirstTokens({ waiting }: PrefillQueue): boolean {
  for (const { profile } of waiting) if (!profile.stream) return true;
  return false;
}

/**
 * Tokens that are yet to be computed. Servers take prompts in turn, so the first is in part done.
 *
 * @param now clock time in milliseconds
 */
export function pendingTokens(
  queue: PrefillQueue,
  secondsPerToken: number,
  now: number,
): number {
  const { first } = queue;
  if (first === undefined) return 0;
  // Who waits for a seat is not being computed.
  const underWay = first.queued ? 0 : Math.max(first.ownTokens, STEP_TOKENS);
  const done = Math.min(underWay, secondsUnderWay(queue, first, now) / secondsPerToken);
  return Math.max(0, queue.tokens - done);
}

/**
 * How many times as long as usual the first prompt has taken by now; at least 1. A server that owes
 * a first token is slower than it was, and shows it here before the token comes.
 *
 * @param now clock time in milliseconds
 */
export function lateness(queue: PrefillQueue, latency: LatencyModel, now: number): number {
  const { first } = queue;
  if (first === undefined || first.queued || !first.profile.stream) return 1;
  const usual = latency.startSeconds +
    Math.max(first.ownTokens, STEP_TOKENS) * latency.secondsPerToken;
  return Math.max(1, secondsUnderWay(queue, first, now) / usual);
}

/**
 * A first token is here. What was sent before it and is not to be seen has had its own.
 *
 * @returns seconds since the server could begin with it
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

/** Since the server could begin with it, if nothing was before it. */
function secondsUnderWay(
  { lastFirstAt }: PrefillQueue,
  { at }: QueuedRequest,
  now: number,
): number {
  // The clock may be set back.
  return Math.max(0, now - Math.max(at, lastFirstAt)) / 1000;
}
