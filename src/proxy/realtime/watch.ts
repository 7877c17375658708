import type { RelayedSocket } from "../../http/ws/web_socket.ts";
import type { CallbackSet } from "../../util/callbacks.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import type { Interruption } from "./session_end.ts";

/** What a session is watched for. Times in milliseconds, on the clock of `performance.now()`. */
export interface WatchOptions {
  readonly client: RelayedSocket;
  readonly server: RelayedSocket;
  /** When one side sent an event last. */
  readonly lastEventAt: () => number;
  readonly startedAt: number;
  readonly settings: {
    readonly clientTimeoutMs: number;
    readonly chunkTimeoutMs: number;
    readonly requestTimeoutMs: number;
    readonly totalTimeoutMs?: number;
  };
  /** Called when a stopping router stops waiting for requests in flight. */
  readonly cutOffs: CallbackSet;
}

/** The limits of a session. */
export interface Watch {
  /** Settles once the router must end the session. */
  readonly interrupted: Promise<Interruption>;
  stop(): void;
}

/** Looks are this share of the shortest limit apart, but not further than the longest pause. */
const LOOK_SHARE = 1 / 8;
const LONGEST_LOOK_MS = 1_000;
/** A side that has been silent for this share of its limit is sent a ping at each look. */
const PING_SHARE = 1 / 2;

/** Watches the limits of a session by one timer. */
export function watchSession(options: WatchOptions): Watch {
  const { client, server, lastEventAt, startedAt, settings, cutOffs } = options;
  const { clientTimeoutMs, chunkTimeoutMs, requestTimeoutMs, totalTimeoutMs = Infinity } = settings;
  const shortestMs = Math.min(clientTimeoutMs, chunkTimeoutMs, requestTimeoutMs, totalTimeoutMs);
  const lookMs = Math.min(LONGEST_LOOK_MS, LOOK_SHARE * shortestMs);
  const { promise: interrupted, resolve } = Promise.withResolvers<Interruption>();
  const cut = () => resolve("cut_off");
  cutOffs.add(cut);

  function expired(now: number): Interruption | undefined {
    if (now - startedAt > totalTimeoutMs) return "overdue";
    if (isGone(client, clientTimeoutMs, now)) return "client_silent";
    if (isGone(server, chunkTimeoutMs, now)) return "server_silent";
    return now - lastEventAt() > requestTimeoutMs ? "idle" : undefined;
  }

  function look(): void {
    const why = expired(performance.now());
    if (why) return resolve(why);
    timer = startTimer(look, lookMs);
  }
  let timer = startTimer(look, lookMs);

  return {
    interrupted,
    stop() {
      stopTimer(timer);
      cutOffs.delete(cut);
    },
  };
}

/** Drops a side that takes nothing for this long. Returns a function that ends the watch. */
export function dropIfUnread(socket: RelayedSocket, limitMs: number): () => void {
  const lookMs = Math.min(LONGEST_LOOK_MS, LOOK_SHARE * limitMs);
  function look(): void {
    if (performance.now() - (socket.unreadSince ?? Infinity) > limitMs) return socket.drop();
    timer = startTimer(look, lookMs);
  }
  let timer = startTimer(look, lookMs);
  return () => stopTimer(timer);
}

/** Whether a side gives no sign of life, or takes nothing. Asks for a sign in good time. */
function isGone(socket: RelayedSocket, limitMs: number, now: number): boolean {
  const { silentSince = now, unreadSince = now } = socket;
  if (now - silentSince > PING_SHARE * limitMs) socket.ping();
  return now - Math.min(silentSince, unreadSince) > limitMs;
}
