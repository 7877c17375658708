/**
 * A computation over bytes that may take long. It yields where it can be interrupted, at least once
 * per {@linkcode SLICE_BYTES}.
 */
export type Walk<Result> = Generator<undefined, Result>;

/** Number of bytes that are processed in about a millisecond or less. */
export const SLICE_BYTES = 256 * 1024;

/** Runs a walk to its end without an interruption. */
export function atOnce<Result>(walk: Walk<Result>): Result {
  for (;;) {
    const step = walk.next();
    if (step.done) return step.value;
  }
}
