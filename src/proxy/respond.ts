import type { Outcome } from "../fleet/outcome.ts";
import type { Attempted } from "./attempt.ts";
import type { Expiry } from "./outcome_of.ts";
import type { ApiError } from "./errors.ts";
import { headersForClient } from "./headers.ts";
import { relay } from "./relay.ts";
import { errorStatusAt, isWhole } from "./stream_end.ts";
import { type Usage, usageIn } from "./usage.ts";

/** How the passing on of an answer ended. */
export interface Ended {
  readonly outcome: Outcome;
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** As the answer told it. */
  readonly usage: Usage | undefined;
  /** Chunks that came one by one. */
  readonly chunks: number;
  /** Why the router gave it up, if it did. */
  readonly expired: Expiry | undefined;
}

export interface RespondOptions {
  /** Headers that the router adds. */
  readonly headers: readonly [string, string][];
  /** What was asked, with its query. */
  readonly path: string;
  /** What to tell the client of an event stream that broke. */
  readonly errorFor: (expired: Expiry | undefined) => ApiError;
  readonly clientGone: AbortSignal;
  /** Hears of each chunk after the first, how long after the one before it came. */
  readonly onNext: (gapMs: number) => void;
  /** Called once, however it ends. */
  readonly onEnd: (ended: Ended) => void;
}

const decoder = new TextDecoder();

/** Passes on to the client what an attempt brought. */
export function respond({ outcome, answer }: Attempted, options: RespondOptions): Response {
  if (!answer) {
    // Nobody is there to read it: nginx's 499 is for the log.
    options.onEnd({
      outcome,
      status: 499,
      bytes: 0,
      chunks: 0,
      usage: undefined,
      expired: undefined,
    });
    return new Response(null, { status: 499 });
  }
  const { status, headers, isStream, body, rest } = answer;
  const head = { status, headers: headersForClient(headers, options.headers) };
  if (!rest) {
    options.onEnd({
      outcome,
      status,
      bytes: body.length,
      chunks: 0,
      usage: usageIn(body),
      expired: undefined,
    });
    return new Response(body.length > 0 ? body : null, head);
  }
  const relayed = relay({
    held: body,
    rest,
    isStream,
    clientGone: options.clientGone,
    errorFor: options.errorFor,
    isWhole: (tail) => !isStream || isWhole(options.path, decoder.decode(tail)),
    onNext: isStream ? options.onNext : () => {},
    onEnd(how, { bytes, chunks, tail }) {
      const told = isStream ? errorStatusAt(decoder.decode(tail)) : undefined;
      // An end as it should be is the end of what the answer said.
      const ended = how === "ok" ? rest.outcomeOf(undefined, told) : how;
      options.onEnd({
        outcome: ended,
        status,
        bytes,
        chunks,
        usage: usageIn(tail),
        expired: rest.expired,
      });
    },
  });
  return new Response(relayed, head);
}
