import type { AnswerCounts } from "./recent_answers.ts";

// Outlier detection by comparison (issue 13): most client errors are the client's, and any server
// would give them. One that looks as if this server alone gave it is compared with what another
// server answers to the same request.

/** A client error as its server gave it. */
export interface ClientError {
  /** 400 to 499. */
  readonly status: number;
  /** Its body is an error as vLLM writes them; a gateway's page isn't. */
  readonly isVllmError: boolean;
  /** It says that the server doesn't have the model. */
  readonly isUnknownModel: boolean;
  /** The prompt is too long for it: another context may hold it, and no server is ill. @default false */
  readonly isTooLong?: boolean;
}

/** Whether two servers gave the same error: one may be vLLM's and one a gateway's. */
export function isSameError(a: ClientError | undefined, b: ClientError | undefined): boolean {
  return a !== undefined && b !== undefined && a.status === b.status &&
    a.isVllmError === b.isVllmError;
}

/** What is known of the server that gave it, and of the others that have the model. */
export interface Comparison {
  /** The server was shown a key of the router's own, not the client's. */
  readonly usesOwnKey: boolean;
  /** Another server gave the same error a moment ago. */
  readonly isCleared: boolean;
  /** The server's latest answers. */
  readonly own: AnswerCounts;
  /** Those of the other servers that have the model. */
  readonly others: AnswerCounts;
}

/** Client errors below which a share of them says nothing. */
const LEAST_ERRORS = 3;
/** Share of client errors among a server's answers from which they stand out. */
const LEAST_SHARE = 0.5;
/** The others' share is at most this part of it. */
const OTHERS_PART = 0.5;

/** Whether a client error may be the server's own, so that another server should be asked. */
export function isSuspect(error: ClientError, comparison: Comparison): boolean {
  const { status, isVllmError, isUnknownModel } = error;
  const isKeyRefused = status === 401 || status === 403;
  if (isKeyRefused && comparison.usesOwnKey) return true;
  if (comparison.isCleared || error.isTooLong) return false;
  return isKeyRefused || isUnknownModel || !isVllmError || standsOut(comparison);
}

function standsOut({ own, others }: Comparison): boolean {
  if (own.clientErrors < LEAST_ERRORS || total(others) < LEAST_ERRORS) return false;
  const share = own.clientErrors / total(own);
  return share >= LEAST_SHARE && others.clientErrors / total(others) <= OTHERS_PART * share;
}

function total({ good, failed, clientErrors }: AnswerCounts): number {
  return good + failed + clientErrors;
}
