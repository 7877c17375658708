import { begun, dequeue, newPrefillQueue, type PrefillQueue } from "./prefill_queue.ts";
import { decay, observed } from "./decaying_regression.ts";
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
  readonly backlog: PrefillQueue;
  seen: Seen;
  /** What to expect of it, after what was seen, and when that was worked out. */
  expected: { readonly pace: LatencyModel; readonly seen: Seen; readonly at: number } | undefined;
  trust: HitCalibration;
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
  tells: boolean;
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
const SAME_PACE_MS = 100;

/** An empty book in the lowest slot that none of the others has. */
export function newServerEstimate(others: Iterable<ServerEstimate>): ServerEstimate {
  const taken = new Set(Array.from(others, (other) => other.slot));
  let slot = 0;
  while (taken.has(slot)) slot++;
  return {
    slot,
    backlog: newPrefillQueue(),
    seen: NOTHING_SEEN,
    expected: undefined,
    trust: UNCALIBRATED,
    step: undefined,
    mostRan: 0,
    countedAt: 0,
    started: undefined,
    counters: undefined,
    queued: false,
  };
}

/** What to expect of a server, which every choice asks of all of them. */
export function expectedPace(book: ServerEstimate, all: Seen, now: number): LatencyModel {
  const { expected, seen } = book;
  if (expected?.seen === seen && Math.abs(now - expected.at) < SAME_PACE_MS) return expected.pace;
  const pace = latencyModelOf(faded(seen, now), faded(all, now));
  book.expected = { pace, seen, at: now };
  return pace;
}

/** A first token is here: of a stream, or of a whole answer with all the rest. */
export function start(book: ServerEstimate, ticket: QueuedRequest, now: number): void {
  if (ticket.firstAt !== undefined) return;
  ticket.firstAt = now;
  const { model, promptBytes, stream } = ticket.work;
  if (promptBytes === 0) return;
  if (promptBytes !== undefined) {
    book.trust = withSent(book.trust, ticket.promptTokens, ticket.knownTokens);
  }
  const started = book.started ??= { count: 0, bytes: 0, model, alike: true };
  started.count++;
  started.bytes += promptBytes ?? 0;
  started.alike &&= started.model === model && promptBytes !== undefined && stream;

  if (!stream) return void dequeue(book.backlog, ticket);
  const seconds = begun(book.backlog, ticket, now);
  const { step } = book;
  if (step && isSameStep(step, now)) {
    step.tokens += ticket.ownTokens;
    step.tells &&= ticket.isClear;
    return;
  }
  const expected = (ticket.expectedAt - ticket.at) / 1000;
  book.step = {
    at: now,
    seconds: plausibleSeconds(seconds, expected),
    tokens: ticket.ownTokens,
    tells: ticket.isClear,
  };
}

/** What the latest step tells of the server's prefill, once it can bring no more first tokens. */
export function takeStep({ step }: ServerEstimate, now: number): Observation | undefined {
  if (!step?.tells || isSameStep(step, now)) return undefined;
  step.tells = false;
  return step;
}

function isSameStep({ at }: Step, now: number): boolean {
  return Math.abs(now - at) < SAME_STEP_MS;
}

/** A request has ended, with so many tokens of an answer where that is known. */
export function close(
  book: ServerEstimate,
  ticket: QueuedRequest,
  answerTokens: number | undefined,
  now: number,
): Observation | undefined {
  dequeue(book.backlog, ticket);
  if (ticket.firstAt === undefined || !ticket.work.stream) return undefined;
  if (answerTokens === undefined || answerTokens < 2) return undefined;
  const seconds = Math.max(0, now - ticket.firstAt) / 1000;
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
  book: ServerEstimate,
  { counters, ownInFlight, ...reported }: Pick<Scrape, "counters" | "running" | "ownInFlight">,
  capacity: number,
  now: number,
): "anew" | "same" {
  const running = Math.min(reported.running, MOST_TIMES_RAN * Math.max(capacity, ownInFlight));
  const before = book.counters;
  book.counters = counters;
  const fell = (name: "prompt" | "prefixQueries") =>
    (counters?.[name] ?? 0) < (before?.[name] ?? 0);
  if (before && counters && (fell("prompt") || fell("prefixQueries"))) {
    book.trust = { ...UNCALIBRATED, share: book.trust.share };
    book.mostRan = running;
    return "anew";
  }
  book.mostRan = Math.max(decay(now - book.countedAt) * book.mostRan, running);
  book.countedAt = now;
  book.trust = withCounters(book.trust, counters?.prefixQueries, counters?.prefixHits, now);
  return "same";
}

/** A server's own figures are rougher than what was seen: they count where that is next to nothing. */
const FEW = 4;

/** Whether too little was seen of a server's prefill to go by. */
export function isLittleKnown({ seen }: ServerEstimate, now: number): boolean {
  return faded(seen, now).prefill.n < FEW;
}

/** What was seen, with one more observation of prefill or of decoding. */
export function withObservation(
  seen: Seen,
  kind: keyof Seen,
  { tokens, seconds }: Observation,
  now: number,
): Seen {
  return { ...seen, [kind]: observed(seen[kind], tokens, seconds, now) };
}
