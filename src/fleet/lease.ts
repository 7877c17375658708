import type { CallbackSet } from "../util/callbacks.ts";
import type { Cause, EndDetails, Settled } from "./attempt_end.ts";
import type { ClientError } from "./health/outlier_detection.ts";
import type { Outcome } from "./outcome.ts";
import type { Server } from "./state/server.ts";

export type { Cause, EndDetails, Settled } from "./attempt_end.ts";

/** What the router knows about the engine behind a lease. Used by its timeouts. */
export interface EngineState {
  /** When its counters last moved, in monotonic milliseconds; `-Infinity` if unknown. */
  readonly movedAt: number;
  /**
   * Since when it is known to have been stalled or unreachable, in monotonic milliseconds;
   * `Infinity` while it makes progress or nothing is known.
   */
  readonly noProgressSince: number;
}

/** A request's slot on a server, counted as soon as the server is chosen. */
export interface Lease {
  /** The server. */
  readonly server: Readonly<Server>;
  /** Why this server was chosen, human-readable, if that was asked for. */
  readonly decision?: string;
  /**
   * Called when the server becomes unhealthy or stalled, so that a request without a first token
   * can fail over. A set keeps removal cheap when many requests wait at once.
   */
  readonly evictions: CallbackSet;
  /** Called when its streams are to continue on other servers, since it is being drained. */
  readonly handOvers: CallbackSet;
  /** Returns the current state of the server's engine. */
  engine(): EngineState;
  /** Whether a client error may be specific to this server. */
  suspects(error: ClientError): boolean;
  /** Reports that a good answer has begun. A trial then succeeds. */
  started(): void;
  /** Releases the slot and reports the outcome. Only the first call counts. */
  end(outcome: Outcome, details?: EndDetails): void;
  /** Settles the cause of a disputed failure. Only the first call counts. */
  settle(cause: Cause): void;
  /** Called once when it ends. @default no-op */
  onEnded?: (outcome: Outcome, details: EndDetails) => void;
}

/** Callbacks of a lease. */
export interface LeaseListener extends Pick<Lease, "engine" | "suspects"> {
  /** Called when a good answer has begun. */
  readonly onFirstToken: (isTrial: boolean) => void;
  /** Called once, when the slot has been released. */
  readonly onEnd: (outcome: Outcome, details: EndDetails) => void;
  /** Called once, when the outcome is final: at the end, or when a dispute is settled. */
  readonly onOutcome: (ended: Settled) => void;
}

/**
 * Takes a slot on a server. On a server that isn't healthy the request is a trial. On a half-open
 * server it blocks further trials until a good answer has begun or the outcome is final; see
 * `eligible` for the exception.
 *
 * @param now monotonic time in milliseconds
 * @param isFirst no server was tried before. A request that hung elsewhere may hang here too, and
 *   must not make this engine look stalled
 */
export function takePlace(
  server: Server,
  decision: string | undefined,
  now: number,
  isFirst: boolean,
  listener: LeaseListener,
): Lease {
  const { onFirstToken, onEnd, onOutcome, ...known } = listener;
  const { status } = server.health;
  let onTrial = status !== "healthy";
  let awaitingFirstToken = isFirst;
  let ended: { readonly outcome: Outcome; readonly details: EndDetails } | undefined;
  let settled = false;
  server.inFlight++;
  if (isFirst) server.awaitingFirstToken++;
  if (status === "half-open") server.trialSince = now;
  const endTrial = () => {
    // Another request may have taken over the trial.
    if (onTrial && server.trialSince === now) server.trialSince = undefined;
    onTrial = false;
  };
  const answered = () => {
    if (awaitingFirstToken) server.awaitingFirstToken--;
    awaitingFirstToken = false;
  };
  const conclude = (cause: Cause) => {
    if (settled || !ended) return;
    settled = true;
    const wasOnTrial = onTrial;
    endTrial();
    onOutcome({ ...ended, isTrial: wasOnTrial, cause });
  };
  const lease: Lease = {
    server,
    ...(decision !== undefined && { decision }),
    evictions: server.evictions,
    handOvers: server.handOvers,
    ...known,
    started() {
      answered();
      onFirstToken(onTrial);
      endTrial();
    },
    end(outcome, details = {}) {
      if (ended) return;
      ended = { outcome, details };
      answered();
      server.inFlight--;
      onEnd(outcome, details);
      lease.onEnded?.(outcome, details);
      if (!details.disputed) conclude("server");
    },
    settle: conclude,
  };
  return lease;
}
