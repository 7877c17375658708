import type { EngineState } from "../../fleet/lease.ts";
import type { Expiry } from "./outcome.ts";

/** What an attempt waits for, and since when. Times are on the clock of `performance.now()`. */
export interface Wait {
  /** Since when a read is pending; `Infinity` while the client has yet to accept data. */
  readSince: number;
  /** Since when only comments have arrived; `Infinity` after anything else. */
  silentSince: number;
  /** Counts reads, to distinguish one pause between them from the next. */
  reads: number;
  /** The count when a check first found no read pending. */
  pausedAfter: number;
  /** The time of that check. */
  pausedAt: number;
  /** The answer has begun: the limit between chunks applies. */
  hasBegun: boolean;
}

/** Limits of an attempt's waits, in milliseconds. */
export interface WaitLimits {
  /** Silence before the answer's first bytes. */
  readonly firstByteMs: number;
  /** Silence between two chunks after that. */
  readonly chunkMs: number;
  /** For the client to read what was received. */
  readonly clientMs: number;
  /** On the clock of `performance.now()`; `Infinity` if the total time is unlimited. */
  readonly dueAt: number;
  /** Silence in mid-stream once the engine is known to be stalled. */
  readonly stallTimeoutMs: number;
}

/** A request may wait this many times longer while the engine makes progress. */
const EXTENSIONS = 9;

/** Nothing has been read or written yet. */
export function newWait(): Wait {
  return {
    readSince: Infinity,
    silentSince: Infinity,
    reads: 0,
    pausedAfter: -1,
    pausedAt: 0,
    hasBegun: false,
  };
}

/** A read begins: the server is expected to send something. */
export function beginRead(wait: Wait, now: number): void {
  wait.readSince = wait.silentSince === Infinity ? now : wait.silentSince;
  wait.reads++;
}

/** The read is over; bytes that are only comments do not count as progress. */
export function endRead(wait: Wait, isProgress: boolean): void {
  wait.silentSince = isProgress ? Infinity : wait.readSince;
  wait.readSince = Infinity;
}

/**
 * Checks a wait against its limits, and notes when a pause between reads began, so that the clock
 * is not read for every chunk.
 *
 * @returns the limit that was exceeded, or when to check again
 */
export function checkWait(
  wait: Wait,
  limits: WaitLimits,
  engine: EngineState,
  now: number,
): Expiry | number {
  const { clientMs, dueAt, stallTimeoutMs } = limits;
  if (now >= dueAt) return "overdue";
  if (wait.readSince === Infinity) {
    if (wait.pausedAfter !== wait.reads) {
      wait.pausedAfter = wait.reads;
      wait.pausedAt = now;
    }
    const unreadAt = wait.pausedAt + clientMs;
    // A read may begin at any time: the next check must not be late for it.
    return unreadAt <= now
      ? "unread"
      : Math.min(now + silenceMs(wait, limits), unreadAt, dueAt, now + stallTimeoutMs);
  }
  const silentAt = silentAtOf(wait, limits, engine);
  if (silentAt <= now) return "silent";
  const stoppedAt = stoppedAtOf(wait, limits, engine);
  if (stoppedAt <= now) return "stopped";
  return Math.min(silentAt, stoppedAt, now + clientMs, dueAt, now + stallTimeoutMs);
}

/** Returns the currently tolerated silence. */
function silenceMs({ hasBegun }: Wait, { firstByteMs, chunkMs }: WaitLimits): number {
  return hasBegun ? chunkMs : firstByteMs;
}

/**
 * Returns when silence becomes too long. Before the first token, moving engine counters extend the
 * wait, up to a limit: the engine may be working only on other requests.
 */
function silentAtOf(wait: Wait, limits: WaitLimits, engine: EngineState): number {
  const { readSince, hasBegun } = wait;
  const ms = silenceMs(wait, limits);
  if (hasBegun) return readSince + ms;
  const movedAt = engine.movedAt - performance.timeOrigin;
  return Math.max(readSince, Math.min(movedAt, readSince + EXTENSIONS * ms)) + ms;
}

/** Returns when a stream that has begun stops waiting for a stalled engine. */
function stoppedAtOf(
  { readSince, hasBegun }: Wait,
  { stallTimeoutMs }: WaitLimits,
  engine: EngineState,
): number {
  const noProgressSince = engine.noProgressSince - performance.timeOrigin;
  return hasBegun ? Math.max(readSince, noProgressSince) + stallTimeoutMs : Infinity;
}
