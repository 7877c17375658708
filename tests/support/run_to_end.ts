import type { Walk } from "../../src/util/walk.ts";

/** What a walk comes to, and how often it could have been interrupted. */
export function runToEnd<Result>(walk: Walk<Result>): [Result, number] {
  for (let pauses = 0;; pauses++) {
    const step = walk.next();
    if (step.done) return [step.value, pauses];
  }
}
