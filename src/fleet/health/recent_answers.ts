/** What an answer says about its server. */
export type AnswerKind = "good" | "failed" | "client_error";

/** The latest answers of one server, in a ring buffer. */
export interface RecentAnswers {
  /** Monotonic times in milliseconds; `-Infinity` in unused entries. */
  readonly at: Float64Array;
  /** Indices into {@linkcode KINDS}. */
  readonly kinds: Uint8Array;
  /** Index of the next answer. */
  next: number;
}

/** Number of recent answers by kind. */
export interface AnswerCounts {
  /** Answers that began well. */
  readonly good: number;
  /** Failures that were the server's fault. */
  readonly failed: number;
  /** Client errors. */
  readonly clientErrors: number;
}

const KINDS: readonly AnswerKind[] = ["good", "failed", "client_error"];
/** The window: at most this many answers, none older than `WINDOW_MS`. */
const MOST_ANSWERS = 20;
const WINDOW_MS = 30_000;

/** Creates an empty ring. */
export function noAnswers(): RecentAnswers {
  return {
    at: new Float64Array(MOST_ANSWERS).fill(-Infinity),
    kinds: new Uint8Array(MOST_ANSWERS),
    next: 0,
  };
}

/**
 * Adds an answer, replacing the oldest.
 *
 * @param now monotonic time in milliseconds
 */
export function addAnswer(recent: RecentAnswers, kind: AnswerKind, now: number): void {
  recent.at[recent.next] = now;
  recent.kinds[recent.next] = KINDS.indexOf(kind);
  recent.next = (recent.next + 1) % MOST_ANSWERS;
}

/**
 * Counts the answers that are still in the window.
 *
 * @param now monotonic time in milliseconds
 * @param since older answers don't count
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

/** Adds up the counts of several servers. */
export function sumAnswers(counts: readonly AnswerCounts[]): AnswerCounts {
  let [good, failed, clientErrors] = [0, 0, 0];
  for (const one of counts) {
    good += one.good;
    failed += one.failed;
    clientErrors += one.clientErrors;
  }
  return { good, failed, clientErrors };
}
