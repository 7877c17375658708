import type { Fault } from "../../src/simulator/faults/fault.ts";
import type { Random } from "../../src/simulator/random.ts";

/** The end of a server whose place another one takes, at another port. */
export interface Replacement {
  readonly kind: "replaced";
  /** What becomes of its requests: as a vLLM server ends them, or by SIGKILL. */
  readonly how: "abort" | "error" | "silence" | "drain" | "kill";
  /** Seconds until the list of servers is without it. */
  readonly unlistedAfter: number;
}

/** A temporary trouble of a server: a simulator's fault, or a change of the configuration. */
export type Trouble =
  | Fault
  | Replacement
  /** It is removed from the configuration, and restored at the end. */
  | { readonly kind: "removed" }
  /** It serves a different model from the one that the router knows. */
  | { readonly kind: "other_model" }
  /** The configuration file is invalid TOML for a moment. */
  | { readonly kind: "broken_file" };

/** A kind of trouble: a row of the table or one of the simulator's faults. */
export interface Kind {
  readonly name: string;
  /** The shortest and the longest duration, in seconds. */
  readonly lasts: readonly [number, number];
  /** It may break a stream that has begun. */
  readonly breaksStreams?: true;
  draw(random: Random): Trouble;
}

const oneOf = <T>(random: Random, ...values: readonly T[]): T =>
  values[Math.floor(random() * values.length)]!;
const share = (random: Random) => ({ probability: oneOf(random, 1, 0.5, 0.2) });
const tokens = (random: Random) => ({ afterTokens: 1 + Math.floor(random() * 10) });

const SHORT: Kind["lasts"] = [1, 3];
/** In seconds; longer than the router's limits on silence. */
const LONG: Kind["lasts"] = [2.5, 4.5];

/** Makes a fault without parameters that affects some of the requests. */
const plain = (
  kind:
    | "reset_before_head"
    | "truncated"
    | "garbled"
    | "idle_reset"
    | "queue_full"
    | "comment_after_done",
): Kind => ({
  name: kind,
  lasts: SHORT,
  draw: (random) => ({ kind, ...share(random) }),
});

const status = (status: number, ...retryAfter: readonly number[]): Kind => ({
  name: `status ${status}${retryAfter.length > 0 ? " with Retry-After" : ""}`,
  lasts: SHORT,
  draw: (random) => ({
    kind: "status",
    status,
    ...(retryAfter.length > 0 && { retryAfterSeconds: oneOf(random, ...retryAfter) }),
    ...share(random),
  }),
});

const whole = (kind: Fault["kind"], lasts: Kind["lasts"], more: Partial<Fault> = {}): Kind => ({
  name: kind,
  lasts,
  draw: () => ({ kind, ...more }) as Fault,
});

/** SIGTERM without time to drain, followed by a new server at the end. */
const terminated = (how: "abort" | "error" | "silence", lasts: Kind["lasts"]): Kind => ({
  name: `terminated by ${how}`,
  lasts,
  breaksStreams: true,
  draw: () => ({ kind: "terminated", how }),
});

/** All kinds of trouble. */
export const kinds: readonly Kind[] = [
  whole("refuse", SHORT),
  whole("connect_hang", LONG),
  plain("reset_before_head"),
  plain("idle_reset"),
  plain("truncated"),
  plain("garbled"),
  {
    name: "wrong_length",
    lasts: SHORT,
    breaksStreams: true,
    draw: (random) => ({ kind: "wrong_length", ...tokens(random), ...share(random) }),
  },
  {
    name: "hang_before_head",
    lasts: LONG,
    draw: (random) => ({ kind: "hang_before_head", ...share(random) }),
  },
  {
    name: "hang_before_first_token",
    lasts: LONG,
    draw: (random) => ({ kind: "hang_before_first_token", ...share(random) }),
  },
  {
    name: "reset_mid_stream",
    lasts: SHORT,
    breaksStreams: true,
    draw: (random) => ({ kind: "reset_mid_stream", ...tokens(random), ...share(random) }),
  },
  {
    name: "hang_mid_stream",
    lasts: LONG,
    breaksStreams: true,
    draw: (random) => ({ kind: "hang_mid_stream", ...tokens(random), ...share(random) }),
  },
  status(500),
  status(502),
  status(503),
  status(503, 1, 2),
  status(504),
  status(429),
  status(429, 1, 2),
  {
    name: "error_event",
    lasts: SHORT,
    draw: (random) => ({ kind: "error_event", status: oneOf(random, 500, 503), ...share(random) }),
  },
  {
    name: "slow",
    lasts: SHORT,
    draw: (random) => ({ kind: "slow", factor: oneOf(random, 2, 5) }),
  },
  plain("queue_full"),
  {
    name: "error_mid_stream",
    lasts: SHORT,
    breaksStreams: true,
    draw: (random) => ({ kind: "error_mid_stream", ...tokens(random), ...share(random) }),
  },
  plain("comment_after_done"),
  {
    name: "gateway_status",
    lasts: SHORT,
    draw: (random) => ({ kind: "gateway_status", status: oneOf(random, 400, 401, 403, 404) }),
  },
  { ...whole("stalled", LONG), breaksStreams: true },
  whole("stalled_idle", LONG),
  { ...whole("sleeping", SHORT), breaksStreams: true },
  terminated("abort", SHORT),
  terminated("error", SHORT),
  terminated("silence", LONG),
  {
    name: "draining",
    lasts: LONG,
    breaksStreams: true,
    // Either long enough to finish all requests in flight, or too short.
    draw: (random) => ({ kind: "draining", seconds: oneOf(random, 10, 0.5) }),
  },
  whole("metrics_hang", LONG),
  whole("metrics_garbage", SHORT),
  whole("metrics_missing", SHORT),
  whole("metrics_404", SHORT),
  whole("health_hang", LONG),
  whole("health_slow", LONG, { seconds: 1.5 }),
  {
    name: "health_status",
    lasts: LONG,
    draw: (random) => ({
      kind: "health_status",
      status: oneOf(random, 302, 401, 403, 405, 501, 503),
    }),
  },
  whole("models_fail", SHORT),
  { name: "other_model", lasts: SHORT, draw: () => ({ kind: "other_model" }) },
  { name: "removed", lasts: [1.5, 4], draw: () => ({ kind: "removed" }) },
  { name: "broken_file", lasts: [0.5, 0.5], draw: () => ({ kind: "broken_file" }) },
];
