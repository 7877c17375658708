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

export function enqueue(backlog: PrefillQueue, ticket: QueuedRequest): void {
  backlog.waiting.add(ticket);
  backlog.first ??= ticket;
  backlog.tokens += ticket.ownTokens;
}

/** Takes a ticket out; `false` where it is out already. */
export function dequeue(backlog: PrefillQueue, ticket: QueuedRequest): boolean {
  if (!backlog.waiting.delete(ticket)) return false;
  if (backlog.first === ticket) [backlog.first] = backlog.waiting;
  backlog.tokens = backlog.waiting.size === 0 ? 0 : backlog.tokens - ticket.ownTokens;
  return true;
}

/**
 * Time has passed: whole answers, whose first token nobody sees, leave when theirs has come.
 *
 * @param now clock time in milliseconds
 */
export function passTime(backlog: PrefillQueue, now: number): void {
  for (let { first } = backlog; first && !first.work.stream; first = backlog.first) {
    if (now < first.expectedAt) return;
    dequeue(backlog, first);
    backlog.lastFirstAt = Math.max(backlog.lastFirstAt, first.expectedAt);
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
  for (const { work } of waiting) if (!work.stream) return true;
  return false;
}

/**
 * Tokens that are yet to be computed. Servers take prompts in turn, so the first is in part done.
 *
 * @param now clock time in milliseconds
 */
export function pendingTokens(backlog: PrefillQueue, secondsPerToken: number, now: number): number {
  const { first } = backlog;
  if (first === undefined) return 0;
  // Who waits for a seat is not being computed.
  const underWay = first.queued ? 0 : Math.max(first.ownTokens, STEP_TOKENS);
  const done = Math.min(underWay, secondsUnderWay(backlog, first, now) / secondsPerToken);
  return Math.max(0, backlog.tokens - done);
}

/**
 * How many times as long as usual the first prompt has taken by now; at least 1. A server that owes
 * a first token is slower than it was, and shows it here before the token comes.
 *
 * @param now clock time in milliseconds
 */
export function lateness(backlog: PrefillQueue, pace: LatencyModel, now: number): number {
  const { first } = backlog;
  if (first === undefined || first.queued || !first.work.stream) return 1;
  const usual = pace.startSeconds + Math.max(first.ownTokens, STEP_TOKENS) * pace.secondsPerToken;
  return Math.max(1, secondsUnderWay(backlog, first, now) / usual);
}

/**
 * A first token is here. What was sent before it and is not to be seen has had its own.
 *
 * @returns seconds since the server could begin with it
 */
export function begun(backlog: PrefillQueue, ticket: QueuedRequest, now: number): number {
  for (const earlier of backlog.waiting) {
    if (earlier === ticket) break;
    if (!earlier.work.stream) dequeue(backlog, earlier);
  }
  dequeue(backlog, ticket);
  const seconds = secondsUnderWay(backlog, ticket, now);
  backlog.lastFirstAt = now;
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
