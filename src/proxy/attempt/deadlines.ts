import type { EngineState } from "../../fleet/lease.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import type { Expiry } from "./outcome.ts";

/** All limits of time that an attempt is under. */
export interface Limits {
  /** For a connection, in milliseconds. */
  readonly connectMs: number;
  /** Silence before the first bytes of the answer, in milliseconds. */
  readonly firstByteMs: number;
  /** Silence between two chunks after that, in milliseconds. */
  readonly chunkMs: number;
  /** For the client to take what came, in milliseconds. */
  readonly clientMs: number;
  /** On the clock of `performance.now()`; `Infinity` where a request may take any time. */
  readonly dueAt: number;
  /** An engine may be silent in mid-stream for so long once it is known to stand still. */
  readonly stillMs: number;
  /** What is known of the server's engine now. */
  readonly engine: () => EngineState;
  /** Called when the server went out, which ends attempts that have nothing yet. */
  readonly evictions: Set<() => void>;
  /** Called when the router can wait no longer. */
  readonly cutOffs: Set<() => void>;
}

/** The limits that settings mean for one attempt. */
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
 * The watch over one attempt. Only silence while somebody listens counts against the server: while
 * the client is slow to take what came, nobody does, and that counts against the client. Before the
 * first token silence counts only while the engine stands still, as far as its counters tell: what
 * is being computed is waited for. Turning to and from listening costs a
 * store or two, since it happens for every chunk; the one timer looks when it fires and waits for
 * what is left.
 */
export interface Deadlines {
  /** Why the attempt was given up, `undefined` as long as it wasn't. */
  readonly expired: Expiry | undefined;
  /** From now on something should be heard. */
  listen(): void;
  /** Something was heard; a comment is no progress. */
  heard(isProgress: boolean): void;
  /** The head of the answer is here: there is a connection. */
  connected(): void;
  /** The answer's first bytes are here: from now on the limit between chunks holds. */
  begun(): void;
  /** Ends the watch. */
  stop(): void;
}

/** So many times longer a request is waited for while the engine moves. */
const EXTENSIONS = 9;
/** Before and for the question whether a server is reachable; what is left is for another. */
const CONNECT_SHARE = 0.4;

/**
 * @param isReachable asked on the way to the limit for connections, where nothing was heard: `fetch`
 *   doesn't tell whether it waits for a connection or for the answer
 * @param onExpiry called once, when the attempt is to be given up
 */
export function watchDeadlines(
  limits: Limits,
  isReachable: (withinMs: number) => Promise<boolean>,
  onExpiry: () => void,
): Deadlines {
  const { evictions, cutOffs, dueAt } = limits;
  let since = Infinity;
  /** Since when nothing came but comments; `Infinity` where something did. */
  let silentSince = Infinity;
  let hasBegun = false;
  let listened = 0;
  /** What {@linkcode listened} was when a look first found nobody listening, and when that was. */
  let seen = -1;
  let seenAt = 0;
  let silenceMs = limits.firstByteMs;
  let expired: Expiry | undefined;
  let stopped = false;
  /** When to ask whether the server is reachable; `Infinity` where that is asked or known. */
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
   * When silence will have lasted for too long. Before the first token an engine's movement is a
   * sign of life; it may be at work on other requests alone, so it doesn't count without end.
   */
  const silentAt = () => {
    if (hasBegun) return since + silenceMs;
    const movedAt = limits.engine().movedAt - performance.timeOrigin;
    return Math.max(since, Math.min(movedAt, since + EXTENSIONS * silenceMs)) + silenceMs;
  };
  /** When a stream that has begun will have waited long enough for an engine that stands still. */
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
    // Somebody may begin to listen at any time: the next look must not come late for that.
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
    // The timer may be set for long after the limit that holds from now on.
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
