import type { Fault } from "../../src/simulator/fault.ts";
import type { Random } from "../../src/simulator/random.ts";

/** What is wrong with a server for a while: a fault of its own, or something about its entry. */
export type Trouble =
  | Fault
  /** It is taken out of the configuration, and put back at the end. */
  | { readonly kind: "removed" }
  /** It serves another model than it lists, as far as the router knows. */
  | { readonly kind: "other_model" }
  /** The configuration file is no TOML for a moment. */
  | { readonly kind: "broken_file" };

/** A kind of trouble, as a row of the table or of the simulator's faults. */
export interface Kind {
  readonly name: string;
  /** Seconds it lasts, from and to. */
  readonly lasts: readonly [number, number];
  /** A stream that has begun may break under it. */
  readonly breaksStreams?: true;
  draw(random: Random): Trouble;
}

const oneOf = <T>(random: Random, ...values: readonly T[]): T =>
  values[Math.floor(random() * values.length)]!;
const share = (random: Random) => ({ probability: oneOf(random, 1, 0.5, 0.2) });
const tokens = (random: Random) => ({ afterTokens: 1 + Math.floor(random() * 10) });

const SHORT: Kind["lasts"] = [1, 3];
/** Longer than the silence that the router bears. */
const LONG: Kind["lasts"] = [2.5, 4.5];

/** Faults that strike some of the requests, all of which are told apart by their kind alone. */
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

/** SIGTERM without time to drain, and a new server at the end. */
const terminated = (how: "abort" | "error" | "silence", lasts: Kind["lasts"]): Kind => ({
  name: `terminated by ${how}`,
  lasts,
  breaksStreams: true,
  draw: () => ({ kind: "terminated", how }),
});

/** Everything that can go wrong with a server. */
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
    // Long enough for all that was begun, or too short for it.
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
