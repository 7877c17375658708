import type { Outcome } from "./outcome.ts";
import type { Server } from "./server.ts";

/** What else is known of an attempt's end. */
export interface EndDetails {
  /** The server is not to blame for a failure: the router gave up for reasons of its own. */
  readonly blameless?: boolean;
  /** It may still be at work on a whole answer: not to blame if its engine moves. */
  readonly slow?: boolean;
  /** The server can't be reached: one such failure is enough to take it out. */
  readonly unreachable?: boolean;
  /** Of the prompt, as far as they are known. */
  readonly promptTokens?: number | undefined;
  /** Of the answer, as far as they are known. */
  readonly answerTokens?: number | undefined;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly restMs?: number | undefined;
}

/** A request's place at a server, counted from the moment of choosing. */
export interface Lease {
  /** The server it is a place at. */
  readonly server: Readonly<Server>;
  /** Why this server, in words, where clients are told. */
  readonly decision?: string;
  /** Aborts when the server's engine stands still: who has no first token yet goes elsewhere. */
  readonly stalled: AbortSignal;
  /** Tells that a good answer has begun, which ends a trial well. */
  started(): void;
  /** Gives the place back and tells how it went. Only the first call counts. */
  end(outcome: Outcome, details?: EndDetails): void;
}

/** Who hears of a lease. */
export interface LeaseListener {
  /** Called when a good answer has begun. */
  readonly onFirstToken: () => void;
  /** Called when a trial went well so far. */
  readonly onTrialPassed: () => void;
  /** Called once, when the place has been given back. */
  readonly onEnd: (outcome: Outcome, isTrial: boolean, details: EndDetails) => void;
}

/**
 * Takes a place at a server. A place at one that isn't healthy is a trial, and at a half-open one
 * the only one, until a good answer has begun or the request has ended.
 */
export function takePlace(
  server: Server,
  decision: string | undefined,
  listener: LeaseListener,
): Lease {
  const { status } = server.health;
  let onTrial = status !== "healthy";
  let ended = false;
  server.inFlight++;
  const isOnlyOne = status === "half-open";
  server.trial ||= isOnlyOne;
  const endTrial = () => {
    if (onTrial && isOnlyOne) server.trial = false;
    onTrial = false;
  };
  return {
    server,
    ...(decision !== undefined && { decision }),
    stalled: server.stall.signal,
    started() {
      listener.onFirstToken();
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
