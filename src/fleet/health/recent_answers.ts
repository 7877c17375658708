/** What an answer says of the server that gave it. */
export type AnswerKind = "good" | "failed" | "client_error";

/** The latest answers of one server, in a ring. */
export interface RecentAnswers {
  /** Monotonic times in milliseconds, `-Infinity` where there is no answer yet. */
  readonly at: Float64Array;
  /** Indices into {@linkcode KINDS}. */
  readonly kinds: Uint8Array;
  /** Where the next answer goes. */
  next: number;
}

/** How many of the latest answers were of each kind. */
export interface AnswerCounts {
  /** Begun well. */
  readonly good: number;
  /** Failed by the server's fault. */
  readonly failed: number;
  /** Errors of clients. */
  readonly clientErrors: number;
}

const KINDS: readonly AnswerKind[] = ["good", "failed", "client_error"];
/** The window: so many answers, and none older than so many milliseconds. */
const MOST_ANSWERS = 20;
const WINDOW_MS = 30_000;

/** A ring without an answer. */
export function noAnswers(): RecentAnswers {
  return {
    at: new Float64Array(MOST_ANSWERS).fill(-Infinity),
    kinds: new Uint8Array(MOST_ANSWERS),
    next: 0,
  };
}

/**
 * Adds an answer, in place of the oldest.
 *
 * @param now monotonic time in milliseconds
 */
export function addAnswer(recent: RecentAnswers, kind: AnswerKind, now: number): void {
  recent.at[recent.next] = now;
  recent.kinds[recent.next] = KINDS.indexOf(kind);
  recent.next = (recent.next + 1) % MOST_ANSWERS;
}

/** Counts the answers of the window. @param since older ones don't count */
/**
 * Counts the answers that are still in the window.
 *
 * @param now monotonic time in milliseconds
 */
export function countAnswers(
  { at, kinds }: RecentAnswers,
  now: number,
  since = -Infinity,
): AnswerCounts {
  const from = Math.max(since, now - WINDOW_MS);
  const counts = [0, 0, 0];
  for (let i = 0; i < MOST_ANSWERS; i++) {
    if (at[i]! >= from) counts[kinds[i]!]!++;
  }
  return { good: counts[0]!, failed: counts[1]!, clientErrors: counts[2]! };
}

/** The counts of several servers together. */
export function sumAnswers(counts: readonly AnswerCounts[]): AnswerCounts {
  let [good, failed, clientErrors] = [0, 0, 0];
  for (const one of counts) {
    good += one.good;
    failed += one.failed;
    clientErrors += one.clientErrors;
  }
  return { good, failed, clientErrors };
}
