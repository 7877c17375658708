import type { ClientError } from "./health/outlier_detection.ts";
import type { Outcome } from "./outcome.ts";

/** Details of how an attempt ended. */
export interface EndDetails {
  /** The router aborted the attempt for its own reasons, so a failure is not the server's fault. */
  readonly blameless?: boolean;
  /** Blame is settled later, by what another server answers. */
  readonly disputed?: boolean;
  /** The stream broke off after its preamble, before the engine began, as full servers do. */
  readonly afterPreamble?: boolean;
  /** The server can't be reached. One such failure is enough to eject it. */
  readonly unreachable?: boolean;
  /** What the server did, human-readable, such as `answered 401`. */
  readonly what?: string | undefined;
  /** The client error that the server returned, if any. */
  readonly clientError?: ClientError | undefined;
  /** Tokens of the prompt, if known. */
  readonly promptTokens?: number | undefined;
  /** Tokens of the answer, if known. */
  readonly answerTokens?: number | undefined;
  /** Tokens of the prompt that the server had in its cache, if it tells. */
  readonly cachedTokens?: number | undefined;
  /** Returns the answer's text as it stands in JSON, without the quotes, if it is known. */
  readonly answer?: (() => Uint8Array | undefined) | undefined;
  /** The server's `Retry-After`, in milliseconds. */
  readonly retryAfterMs?: number | undefined;
}

/** Who caused a failure, judged by other servers' answers to the same request. */
export type Cause = "server" | "request" | "unknown";

/** How an attempt ended, and who caused it. */
export interface Settled {
  /** How the attempt ended. */
  readonly outcome: Outcome;
  /** It was the trial of a server that wasn't healthy. */
  readonly isTrial: boolean;
  /** Details of how it ended. */
  readonly details: EndDetails;
  /** Who caused a failure. */
  readonly cause: Cause;
}
