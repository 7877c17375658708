import type { Walk } from "../../src/util/walk.ts";

/** Runs a walk to its end without pausing. */
export function atOnce<Result>(walk: Walk<Result>): Result {
  for (;;) {
    const step = walk.next();
    if (step.done) return step.value;
  }
}
