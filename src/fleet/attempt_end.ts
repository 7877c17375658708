import type { ClientError } from "./health/outlier_detection.ts";
import type { Outcome } from "./outcome.ts";

/** What else is known of an attempt's end. */
export interface EndDetails {
  /** The server is not to blame for a failure: the router gave up for reasons of its own. */
  readonly blameless?: boolean;
  /** Whether it was the server's fault is settled later, by what another server answers. */
  readonly disputed?: boolean;
  /** It broke off after what it says before its engine begins: full servers do so, without a word. */
  readonly afterPreamble?: boolean;
  /** The server can't be reached: one such failure is enough to take it out. */
  readonly unreachable?: boolean;
  /** What the server did, in words for people, such as `answered 401`. */
  readonly what?: string | undefined;
  /** The client error, where that is what it gave. */
  readonly clientError?: ClientError | undefined;
  /** Tokens of the prompt, as far as they are known. */
  readonly promptTokens?: number | undefined;
  /** Tokens of the answer, as far as they are known. */
  readonly answerTokens?: number | undefined;
  /** How long the server asked to be left alone, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** Who caused a failure, as other servers' answers to the same request tell. */
export type Cause = "server" | "request" | "unknown";

/** How an attempt ended, with who caused it. */
export interface Settled {
  /** How the attempt ended. */
  readonly outcome: Outcome;
  /** It was sent to prove a server that wasn't healthy. */
  readonly isTrial: boolean;
  /** What else is known of its end. */
  readonly details: EndDetails;
  /** Who caused a failure. */
  readonly cause: Cause;
}
