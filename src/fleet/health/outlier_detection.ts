import type { AnswerCounts } from "./recent_answers.ts";

// Outlier detection by comparison (issue 13): most client errors are the client's fault, and any
// server would return them. If an error may be specific to one server, the request is sent to
// another server and the two answers are compared.

/** A client error as the server returned it. */
export interface ClientError {
  /** 400 to 499. */
  readonly status: number;
  /** Its body is an error in vLLM's format, unlike a gateway's page. */
  readonly isVllmError: boolean;
  /** It reports that the server doesn't have the model. */
  readonly isUnknownModel: boolean;
  /** The prompt exceeds the server's context length. Not a fault of the server. @default false */
  readonly isTooLong?: boolean;
}

/** Whether two servers returned the same error. One may be vLLM's and the other a gateway's. */
export function isSameError(a: ClientError | undefined, b: ClientError | undefined): boolean {
  return a !== undefined && b !== undefined && a.status === b.status &&
    a.isVllmError === b.isVllmError;
}

/** The server that returned the error, compared with the others that have the model. */
export interface Comparison {
  /** The router sent the server its own key, not the client's. */
  readonly usesOwnKey: boolean;
  /** Another server recently returned the same error. */
  readonly isCleared: boolean;
  /** The server's latest answers. */
  readonly own: AnswerCounts;
  /** Latest answers of the other servers that have the model. */
  readonly others: AnswerCounts;
}

/** Minimum own client errors, and others' answers, for shares to mean anything. */
const LEAST_ERRORS = 3;
/** Minimum share of client errors among a server's answers to stand out. */
const LEAST_SHARE = 0.5;
/** The others' share must be at most this fraction of the server's. */
const OTHERS_PART = 0.5;

/** Whether a client error may be the server's fault, so that another server should be tried. */
export function isSuspect(error: ClientError, comparison: Comparison): boolean {
  const { status, isVllmError, isUnknownModel } = error;
  const isKeyRefused = status === 401 || status === 403;
  if (isKeyRefused && comparison.usesOwnKey) return true;
  if (comparison.isCleared || error.isTooLong) return false;
  return isKeyRefused || isUnknownModel || !isVllmError || isOutlier(comparison);
}

function isOutlier({ own, others }: Comparison): boolean {
  if (own.clientErrors < LEAST_ERRORS || total(others) < LEAST_ERRORS) return false;
  const share = own.clientErrors / total(own);
  return share >= LEAST_SHARE && others.clientErrors / total(others) <= OTHERS_PART * share;
}

function total({ good, failed, clientErrors }: AnswerCounts): number {
  return good + failed + clientErrors;
}
