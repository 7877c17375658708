import type { Outcome } from "./outcome.ts";
import type { Server } from "./server.ts";

/** What else is known of an attempt's end. */
export interface EndDetails {
  /** The server is not to blame for a failure: the router gave up for reasons of its own. */
  readonly blameless?: boolean;
  /** The server can't be reached: one such failure is enough to take it out. */
  readonly unreachable?: boolean;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly restMs?: number | undefined;
}

/** A request's place at a server, counted from the moment of choosing. */
export interface Lease {
  /** The server it is a place at. */
  readonly server: Readonly<Server>;
  /** Aborts when the server's engine stands still: who has no first token yet goes elsewhere. */
  readonly stalled: AbortSignal;
  /** Tells that a good answer has begun, which ends a trial well. Only the first call counts. */
  started(): void;
  /** Gives the place back and tells how it went. Only the first call counts. */
  end(outcome: Outcome, details?: EndDetails): void;
}

/** Who hears of a lease. */
export interface LeaseListener {
  /** Called when a trial went well so far. */
  readonly onTrialPassed: () => void;
  /** Called once, when the place has been given back. */
  readonly onEnd: (outcome: Outcome, isTrial: boolean, details: EndDetails) => void;
}

/**
 * Takes a place at a server. A place at a half-open one is its trial, until a good answer has
 * begun or the request has ended.
 */
export function takePlace(server: Server, listener: LeaseListener): Lease {
  const isTrial = server.health.status === "half-open";
  let onTrial = isTrial;
  let ended = false;
  server.inFlight++;
  server.trial ||= isTrial;
  const endTrial = () => {
    if (onTrial) server.trial = false;
    onTrial = false;
  };
  return {
    server,
    stalled: server.stall.signal,
    started() {
      if (!onTrial) return;
      endTrial();
      listener.onTrialPassed();
    },
    end(outcome, details = {}) {
      if (ended) return;
      ended = true;
      const wasOnTrial = onTrial;
      endTrial();
      server.inFlight--;
      listener.onEnd(outcome, wasOnTrial, details);
    },
  };
}
