import type { RequestContext } from "../attempt/ask.ts";
import type { ReadRequest } from "../request/read_request.ts";
import { type Continuation, createContinuation } from "./continuation.ts";
import type { ContinuationOptions } from "./find_server.ts";
import { createFirstLeg, type FirstLeg } from "./first_leg.ts";
import { createKeepBudget } from "./keep_budget.ts";

/** Lets streams outlive their servers, if that is switched on (issue 17). */
export interface Continuations {
  /** What is sent to the first servers that a request is tried at. */
  firstLeg(read: ReadRequest, settings: { readonly continueStreams: boolean }): FirstLeg;
  /** Returns the continuation of the answer to that; `undefined` for an answer that isn't kept. */
  after(read: ReadRequest, context: RequestContext, leg: FirstLeg): Continuation | undefined;
}

export function createContinuations(options: ContinuationOptions): Continuations {
  const budget = createKeepBudget();
  return {
    firstLeg: ({ body, continuable }, { continueStreams }) =>
      createFirstLeg(body.bytes, continueStreams ? continuable : { refused: "off" }, budget),
    after: (read, context, leg) =>
      read.stream && leg.refused() !== "off"
        ? createContinuation(options, read, context, leg)
        : undefined,
  };
}
