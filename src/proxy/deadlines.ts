import type { Expiry } from "./outcome_of.ts";

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
  /** Aborts when the server's engine stands still, which ends attempts that have nothing yet. */
  readonly stalled: AbortSignal;
  /** Aborts when the router can wait no longer. */
  readonly cutOff: AbortSignal;
}

/** The limits that settings mean for one attempt. */
export function limitsOf(
  settings: {
    readonly connectTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly chunkTimeoutMs: number;
    readonly clientTimeoutMs: number;
    readonly totalTimeoutMs?: number;
  },
  { startedAt, ...signals }: Pick<Limits, "stalled" | "cutOff"> & { readonly startedAt: number },
): Limits {
  return {
    connectMs: settings.connectTimeoutMs,
    firstByteMs: settings.requestTimeoutMs,
    chunkMs: settings.chunkTimeoutMs,
    clientMs: settings.clientTimeoutMs,
    dueAt: startedAt + (settings.totalTimeoutMs ?? Infinity),
    ...signals,
  };
}

/**
 * The watch over one attempt. Only silence while somebody listens counts against the server: while
 * the client is slow to take what came, nobody does, and that counts against the client. Turning to
 * and from listening costs a store or two, since it happens for every chunk; the one timer looks when
 * it fires and waits for what is left.
 */
export interface Deadlines {
  /** Why the attempt was given up, `undefined` as long as it wasn't. */
  readonly expired: Expiry | undefined;
  /** From now on something should be heard. */
  listen(): void;
  /** Something was heard. */
  heard(): void;
  /** The head of the answer is here: there is a connection. */
  connected(): void;
  /** The answer's first bytes are here: from now on the limit between chunks holds. */
  begun(): void;
  /** Ends the watch. */
  stop(): void;
}

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
  const { stalled, cutOff, dueAt } = limits;
  let since = Infinity;
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
  const stall = () => expire("stalled");
  const cut = () => expire("cut_off");
  const look = () => {
    const now = performance.now();
    if (now >= dueAt) return expire("overdue");
    const nobodyListens = since === Infinity;
    if (nobodyListens && seen !== listened) {
      seen = listened;
      seenAt = now;
    }
    if (since + silenceMs <= now) return expire("silent");
    if (nobodyListens && seenAt + limits.clientMs <= now) return expire("unread");
    if (askAt <= now) void ask();
    // Somebody may begin to listen at any time: the next look must not come late for that.
    const next = nobodyListens
      ? Math.min(now + silenceMs, seenAt + limits.clientMs, dueAt)
      : Math.min(since + silenceMs, now + limits.clientMs, dueAt);
    timer = setTimeout(look, Math.ceil(Math.min(next, askAt) - now));
  };
  const ask = async () => {
    askAt = Infinity;
    if (!await isReachable(limits.connectMs * CONNECT_SHARE) && !isConnected) expire("unreachable");
  };
  let isConnected = false;
  const first = Math.min(silenceMs, limits.clientMs, limits.connectMs * CONNECT_SHARE);
  let timer = setTimeout(look, Math.min(first, Math.max(0, dueAt - performance.now())));
  stalled.addEventListener("abort", stall);
  cutOff.addEventListener("abort", cut);

  function connected() {
    isConnected = true;
    askAt = Infinity;
  }
  function begun() {
    stalled.removeEventListener("abort", stall);
    silenceMs = limits.chunkMs;
    if (stopped || limits.chunkMs >= limits.firstByteMs) return;
    // The timer may be set for long after the limit that holds from now on.
    clearTimeout(timer);
    look();
  }
  function stop() {
    stopped = true;
    connected();
    begun();
    clearTimeout(timer);
    cutOff.removeEventListener("abort", cut);
  }
  if (stalled.aborted) queueMicrotask(stall);
  if (cutOff.aborted) queueMicrotask(cut);
  return {
    get expired() {
      return expired;
    },
    listen() {
      since = performance.now();
      listened++;
    },
    heard: () => void (since = Infinity),
    connected,
    begun,
    stop,
  };
}
