import type { EngineState } from "../../fleet/lease.ts";
import type { CallbackSet } from "../../util/callbacks.ts";
import { startTimer, stopTimer, type Timer } from "../../util/timers.ts";
import type { Expiry } from "./outcome.ts";
import { beginRead, checkWait, endRead, newWait, type WaitLimits } from "./wait.ts";

/** The time limits of an attempt. */
export interface Limits extends WaitLimits {
  /** For connecting, in milliseconds. */
  readonly connectMs: number;
  /** Returns the current state of the server's engine. */
  readonly engine: () => EngineState;
  /** Called when the server leaves rotation, which ends attempts without a first token. */
  readonly evictions: CallbackSet;
  /** Called when a stopping router stops waiting for requests in flight. */
  readonly cutOffs: CallbackSet;
}

/** Builds the limits of one attempt from the settings. */
export function limitsOf(
  settings: {
    readonly connectTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly chunkTimeoutMs: number;
    readonly clientTimeoutMs: number;
    readonly totalTimeoutMs?: number;
    readonly stallTimeoutMs: number;
  },
  { engine, evictions }: Pick<Limits, "engine" | "evictions">,
  { startedAt, cutOffs }: Pick<Limits, "cutOffs"> & { readonly startedAt: number },
): Limits {
  return {
    connectMs: settings.connectTimeoutMs,
    firstByteMs: settings.requestTimeoutMs,
    chunkMs: settings.chunkTimeoutMs,
    clientMs: settings.clientTimeoutMs,
    dueAt: startedAt + (settings.totalTimeoutMs ?? Infinity),
    stallTimeoutMs: settings.stallTimeoutMs,
    engine,
    evictions,
    cutOffs,
  };
}

/**
 * The deadlines of one attempt. Silence counts against the server only during a read; while the
 * client is slow to accept data, nothing is read, and the time counts against the client. Before
 * the first token, silence counts only while the engine's counters do not move: the router waits
 * for a computing engine. Starting and ending a read happens for every chunk, so it only stores a
 * value or two; the one timer checks when it fires and is set again for the remaining time.
 */
export interface Deadlines {
  /** Why the attempt was aborted, `undefined` if it wasn't. */
  readonly expired: Expiry | undefined;
  /** A read begins: the server is expected to send something. */
  listen(): void;
  /** The read is over; bytes that are only comments do not count as progress. */
  heard(isProgress: boolean): void;
  /** The head of the answer has arrived, so the connection is established. */
  connected(): void;
  /** The answer has begun: from now on the limit between chunks applies. */
  begun(): void;
  /** Aborts the attempt: another server goes on with its stream. */
  handOver(): void;
  /** Stops all deadlines. */
  stop(): void;
}

/** Share of the limit before the connect probe and for it; the rest is left for a retry. */
const CONNECT_SHARE = 0.4;

/**
 * Starts enforcing the time limits of one attempt.
 *
 * @param isReachable called before the connect limit if nothing has arrived: `fetch` doesn't report
 *   whether it waits for a connection or for the answer
 * @param onExpiry called once, when the attempt is to be aborted
 */
export function watchDeadlines(
  limits: Limits,
  isReachable: (withinMs: number) => Promise<boolean>,
  onExpiry: () => void,
): Deadlines {
  return new AttemptDeadlines(limits, isReachable, onExpiry);
}

class AttemptDeadlines implements Deadlines {
  readonly #limits: Limits;
  readonly #isReachable: (withinMs: number) => Promise<boolean>;
  readonly #onExpiry: () => void;
  readonly #wait = newWait();
  #expired: Expiry | undefined;
  #isStopped = false;
  /** When to probe for a connection; `Infinity` once that is under way or known. */
  #probeAt: number;
  #isConnected = false;
  #timer: Timer;

  constructor(
    limits: Limits,
    isReachable: (withinMs: number) => Promise<boolean>,
    onExpiry: () => void,
  ) {
    this.#limits = limits;
    this.#isReachable = isReachable;
    this.#onExpiry = onExpiry;
    const { firstByteMs, clientMs, stallTimeoutMs, dueAt } = limits;
    const now = performance.now();
    this.#probeAt = now + this.#connectShareMs;
    const first = Math.min(firstByteMs, clientMs, this.#connectShareMs, stallTimeoutMs);
    this.#timer = startTimer(this.#check, Math.min(first, Math.max(0, dueAt - now)));
    limits.evictions.add(this.#evict);
    limits.cutOffs.add(this.#cut);
  }

  get expired(): Expiry | undefined {
    return this.#expired;
  }

  listen(): void {
    beginRead(this.#wait, performance.now());
  }

  heard(isProgress: boolean): void {
    endRead(this.#wait, isProgress);
  }

  connected(): void {
    this.#isConnected = true;
    this.#probeAt = Infinity;
  }

  begun(): void {
    const { evictions, chunkMs, firstByteMs } = this.#limits;
    evictions.delete(this.#evict);
    this.#wait.hasBegun = true;
    if (this.#isStopped || chunkMs >= firstByteMs) return;
    // The timer may be set for long after the limit that applies from now on.
    stopTimer(this.#timer);
    this.#check();
  }

  handOver(): void {
    this.#expire("drained");
  }

  stop(): void {
    this.#isStopped = true;
    this.#limits.evictions.delete(this.#evict);
    this.#limits.cutOffs.delete(this.#cut);
    stopTimer(this.#timer);
  }

  get #connectShareMs(): number {
    return this.#limits.connectMs * CONNECT_SHARE;
  }

  readonly #evict = () => this.#expire("evicted");
  readonly #cut = () => this.#expire("cut_off");

  readonly #check = () => {
    if (this.#isStopped) return;
    const now = performance.now();
    const next = checkWait(this.#wait, this.#limits, this.#limits.engine(), now);
    if (typeof next === "string") return this.#expire(next);
    if (this.#probeAt <= now) void this.#probe();
    this.#timer = startTimer(this.#check, Math.min(next, this.#probeAt) - now);
  };

  async #probe(): Promise<void> {
    this.#probeAt = Infinity;
    if (!await this.#isReachable(this.#connectShareMs) && !this.#isConnected) {
      this.#expire("unreachable");
    }
  }

  #expire(why: Expiry): void {
    if (this.#isStopped) return;
    this.stop();
    this.#expired = why;
    this.#onExpiry();
  }
}
