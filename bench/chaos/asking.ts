import type { Random } from "../../src/simulator/random.ts";

/** When a client disconnects before the end of its answer. */
export type Leaving =
  /** After sending half of its body. */
  | { readonly stage: "uploading" }
  /** This long after sending the whole request, whatever has arrived by then. */
  | { readonly stage: "waiting"; readonly ms: number }
  /** On receiving the answer's head. */
  | { readonly stage: "head" }
  /** After this many events. */
  | { readonly stage: "streaming"; readonly events: number };

/** One request and its client's behaviour. */
export interface Asking {
  readonly id: string;
  /** Unique to this request. */
  readonly content: string;
  readonly stream: boolean;
  readonly tokens: number;
  /** Another server can go on with its stream. */
  readonly isContinuable: boolean;
  /** The body as sent. */
  readonly body: string;
  readonly leaving: Leaving | undefined;
  /** The acceptable statuses if the request is a client error; undefined for others. */
  readonly error: readonly number[] | undefined;
  /** Every server fails on it. */
  readonly poison: boolean;
  /** The pause before the client's next request. */
  readonly pauseMs: number;
}

export const MODEL = "simulated-model";
/** Every server fails on a prompt that contains this. */
export const POISON = "the well of poison";

const LEAVING = 0.15;
const CLIENT_ERRORS = 0.05;
const POISONS = 0.02;
const STREAMS = 0.75;
/** Streams without an option that only their own server can honour. */
const CONTINUABLE = 0.85;
const LEAST_TOKENS = 2;
const MOST_TOKENS = 40;
/** A document arrives as a whole, so the time for all its tokens looks like silence. */
const MOST_TOKENS_OF_DOCUMENT = 10;
const MOST_PAUSE_MS = 400;

/** Draws a client's next request. */
export function drawAsking(id: string, random: Random): Asking {
  const stream = random() < STREAMS;
  const most = stream ? MOST_TOKENS : MOST_TOKENS_OF_DOCUMENT;
  const tokens = LEAST_TOKENS + Math.floor(random() * (most - LEAST_TOKENS + 1));
  const leaving = random() < LEAVING ? drawLeaving(random, stream) : undefined;
  const wrong = random() < CLIENT_ERRORS ? drawError(random) : undefined;
  const poison = !wrong && random() < POISONS;
  const isContinuable = random() < CONTINUABLE;
  const content = `What is the way to ${id}${poison ? ` and ${POISON}` : ""}?`;
  const right = {
    model: MODEL,
    messages: [{ role: "user", content }],
    max_tokens: tokens,
    ignore_eos: true,
    stream,
    ...(!isContinuable && { seed: 1 }),
  };
  return {
    id,
    content,
    stream,
    tokens,
    isContinuable,
    body: wrong ? wrong.body(right) : JSON.stringify(right),
    leaving: wrong || poison ? undefined : leaving,
    error: wrong?.status,
    poison,
    pauseMs: random() * MOST_PAUSE_MS,
  };
}

function drawLeaving(random: Random, stream: boolean): Leaving {
  const stage = random();
  if (stage < 0.2) return { stage: "uploading" };
  if (stage < 0.4) return { stage: "waiting", ms: random() * 10 };
  if (stage < 0.6 || !stream) return { stage: "waiting", ms: random() * 1000 };
  if (stage < 0.7) return { stage: "head" };
  return { stage: "streaming", events: 1 + Math.floor(random() * 10) };
}

interface Wrong {
  readonly status: readonly number[];
  body(right: Record<string, unknown>): string;
}

/**
 * The router detects the first two itself, a server reports the others. A model that no server
 * lists may be reported as unavailable while the router isn't certain that no server has it.
 */
const ERRORS: readonly Wrong[] = [
  { status: [400], body: () => "{ no JSON" },
  { status: [404, 503], body: (right) => JSON.stringify({ ...right, model: "unknown-model" }) },
  { status: [400], body: (right) => JSON.stringify({ ...right, messages: undefined }) },
  { status: [400], body: (right) => JSON.stringify({ ...right, max_tokens: 10_000_000 }) },
];

function drawError(random: Random): Wrong {
  return ERRORS[Math.floor(random() * ERRORS.length)]!;
}
