import type { EngineState } from "../../fleet/lease.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import type { Expiry } from "./outcome.ts";

/** The time limits of an attempt. */
export interface Limits {
  /** For connecting, in milliseconds. */
  readonly connectMs: number;
  /** Silence before the answer's first bytes, in milliseconds. */
  readonly firstByteMs: number;
  /** Silence between two chunks after that, in milliseconds. */
  readonly chunkMs: number;
  /** For the client to read what came, in milliseconds. */
  readonly clientMs: number;
  /** On the clock of `performance.now()`; `Infinity` if the total time is unlimited. */
  readonly dueAt: number;
  /** Silence in mid-stream once the engine is known to be stalled, in milliseconds. */
  readonly stillMs: number;
  /** Returns what is known of the server's engine now. */
  readonly engine: () => EngineState;
  /** Called when the server leaves rotation, which ends attempts without a first token. */
  readonly evictions: Set<() => void>;
  /** Called when a stopping router stops waiting for requests in flight. */
  readonly cutOffs: Set<() => void>;
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
    stillMs: settings.stallTimeoutMs,
    engine,
    evictions,
    cutOffs,
  };
}

/**
 * The deadlines of one attempt. Silence counts against the server only during a read; while the
 * client is slow to take what came, nothing is read, and the time counts against the client. Before
 * the first token, silence counts only while the engine's counters stand still: a computing engine
 * is waited for. Starting and ending a read happens for every chunk, so it only stores a value or
 * two; the one timer checks when it fires and is set again for the remaining time.
 */
export interface Deadlines {
  /** Why the attempt was aborted, `undefined` if it wasn't. */
  readonly expired: Expiry | undefined;
  /** A read begins: the server is expected to send something. */
  listen(): void;
  /** The read is over; bytes that are only comments are no progress. */
  heard(isProgress: boolean): void;
  /** The head of the answer has arrived, so the connection stands. */
  connected(): void;
  /** The answer has begun: from now on the limit between chunks applies. */
  begun(): void;
  /** Stops all deadlines. */
  stop(): void;
}

/** A request may wait this many times longer while the engine makes progress. */
const EXTENSIONS = 9;
/** Share of the limit before the connect probe and for it; the rest is left for a retry. */
const CONNECT_SHARE = 0.4;

/**
 * Starts the watch over one attempt's limits of time.
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
  const { evictions, cutOffs, dueAt } = limits;
  let since = Infinity;
  /** Since when only comments have arrived; `Infinity` after anything else. */
  let silentSince = Infinity;
  let hasBegun = false;
  let listened = 0;
  /** The value of {@linkcode listened} when a check first found no read pending, and the time. */
  let seen = -1;
  let seenAt = 0;
  let silenceMs = limits.firstByteMs;
  let expired: Expiry | undefined;
  let stopped = false;
  /** When to probe for a connection; `Infinity` once that is under way or known. */
  let askAt = performance.now() + limits.connectMs * CONNECT_SHARE;

  const expire = (why: Expiry) => {
    if (stopped) return;
    stop();
    expired = why;
    onExpiry();
  };
  const evict = () => expire("evicted");
  const cut = () => expire("cut_off");
  /**
   * When silence becomes too long. Before the first token, moving engine counters are a sign of
   * life, up to a limit: the engine may be working on other requests only.
   */
  const silentAt = () => {
    if (hasBegun) return since + silenceMs;
    const movedAt = limits.engine().movedAt - performance.timeOrigin;
    return Math.max(since, Math.min(movedAt, since + EXTENSIONS * silenceMs)) + silenceMs;
  };
  /** When a stream that has begun has waited long enough for a stalled engine. */
  const stoppedAt = () => {
    const stillSince = limits.engine().stillSince - performance.timeOrigin;
    return hasBegun ? Math.max(since, stillSince) + limits.stillMs : Infinity;
  };
  const look = () => {
    const now = performance.now();
    if (now >= dueAt) return expire("overdue");
    const nobodyListens = since === Infinity;
    if (nobodyListens && seen !== listened) {
      seen = listened;
      seenAt = now;
    }
    if (!nobodyListens && silentAt() <= now) return expire("silent");
    if (!nobodyListens && stoppedAt() <= now) return expire("stopped");
    if (nobodyListens && seenAt + limits.clientMs <= now) return expire("unread");
    if (askAt <= now) void ask();
    // A read may begin at any time: the next check must not be late for it.
    const next = nobodyListens
      ? Math.min(now + silenceMs, seenAt + limits.clientMs, dueAt, now + limits.stillMs)
      : Math.min(silentAt(), stoppedAt(), now + limits.clientMs, dueAt, now + limits.stillMs);
    timer = startTimer(look, Math.min(next, askAt) - now);
  };
  const ask = async () => {
    askAt = Infinity;
    if (!await isReachable(limits.connectMs * CONNECT_SHARE) && !isConnected) expire("unreachable");
  };
  let isConnected = false;
  const first = Math.min(
    silenceMs,
    limits.clientMs,
    limits.connectMs * CONNECT_SHARE,
    limits.stillMs,
  );
  let timer = startTimer(look, Math.min(first, Math.max(0, dueAt - performance.now())));
  evictions.add(evict);
  cutOffs.add(cut);

  function connected() {
    isConnected = true;
    askAt = Infinity;
  }
  function begun() {
    evictions.delete(evict);
    hasBegun = true;
    silenceMs = limits.chunkMs;
    if (stopped || limits.chunkMs >= limits.firstByteMs) return;
    // The timer may be set for long after the limit that applies from now on.
    stopTimer(timer);
    look();
  }
  function stop() {
    stopped = true;
    connected();
    begun();
    stopTimer(timer);
    cutOffs.delete(cut);
  }
  return {
    get expired() {
      return expired;
    },
    listen() {
      since = silentSince === Infinity ? performance.now() : silentSince;
      listened++;
    },
    heard(isProgress) {
      silentSince = isProgress ? Infinity : since;
      since = Infinity;
    },
    connected,
    begun,
    stop,
  };
}
