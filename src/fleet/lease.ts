import type { Cause, EndDetails, Settled } from "./attempt_end.ts";
import type { ClientError } from "./health/outlier_detection.ts";
import type { Outcome } from "./outcome.ts";
import type { Server } from "./state/server.ts";

export type { Cause, EndDetails, Settled } from "./attempt_end.ts";

/** What the router knows of the engine behind a lease, for its limits of time. */
export interface EngineState {
  /** When its counters last moved, on the monotonic clock; `-Infinity` where nobody can tell. */
  readonly movedAt: number;
  /**
   * Since when it has been known to stand still, or can't be reached; `Infinity` while it works
   * or nothing is known.
   */
  readonly stillSince: number;
}

/** A request's place at a server, counted from the moment of choosing. */
export interface Lease {
  /** The server it is a place at. */
  readonly server: Readonly<Server>;
  /** Why this server, in words, where clients are told. */
  readonly decision?: string;
  /**
   * Called when the server went out or its engine stands still: a request without a first token
   * goes elsewhere. Sets are cheap where many requests wait at once.
   */
  readonly evictions: Set<() => void>;
  /** What is known of the server's engine now. */
  engine(): EngineState;
  /** Whether a client error looks as if this server alone gave it. */
  suspects(error: ClientError): boolean;
  /** Tells that a good answer has begun, which ends a trial well. */
  started(): void;
  /** Gives the place back and tells how it went. Only the first call counts. */
  end(outcome: Outcome, details?: EndDetails): void;
  /** Settles who caused a failure that was disputed. Only the first call counts. */
  settle(cause: Cause): void;
}

/** Who hears of a lease. */
export interface LeaseListener extends Pick<Lease, "engine" | "suspects"> {
  /** Called when a good answer has begun. */
  readonly onFirstToken: (isTrial: boolean) => void;
  /** Called once, when the place has been given back. */
  readonly onEnd: (details: EndDetails) => void;
  /** Called once, when the outcome stands: at the end, or when a dispute is settled. */
  readonly onOutcome: (ended: Settled) => void;
}

/**
 * Takes a place at a server. A place at one that isn't healthy is a trial, and at a half-open one
 * the only one for a while, until a good answer has begun or the outcome stands.
 *
 * @param now monotonic time in milliseconds
 * @param isFirst no server was asked before: what hung at one may hang at the next by itself, and
 *   must not show its engine as stalled too
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
  let awaited = isFirst;
  let ended: { readonly outcome: Outcome; readonly details: EndDetails } | undefined;
  let settled = false;
  server.inFlight++;
  if (isFirst) server.awaited++;
  if (status === "half-open") server.trialSince = now;
  const endTrial = () => {
    // Another request may have taken over.
    if (onTrial && server.trialSince === now) server.trialSince = undefined;
    onTrial = false;
  };
  const answered = () => {
    if (awaited) server.awaited--;
    awaited = false;
  };
  const conclude = (cause: Cause) => {
    if (settled || !ended) return;
    settled = true;
    const wasOnTrial = onTrial;
    endTrial();
    onOutcome({ ...ended, isTrial: wasOnTrial, cause });
  };
  return {
    server,
    ...(decision !== undefined && { decision }),
    evictions: server.evictions,
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
      onEnd(details);
      if (!details.disputed) conclude("server");
    },
    settle: conclude,
  };
}
