import type { Outcome } from "../../fleet/outcome.ts";
import type { Attempted } from "../attempt/attempt.ts";
import type { Expiry } from "../attempt/outcome_of.ts";
import type { ApiError } from "../../http/api_errors.ts";
import { headersForClient } from "../headers.ts";
import { relay } from "./relay.ts";
import { watchStream } from "../sse/stream_watch.ts";
import { type Usage, usageIn } from "../../vllm/usage.ts";

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
  /** What to tell the client of an event stream that broke. */
  readonly errorFor: (expired: Expiry | undefined) => ApiError;
  readonly clientGone: AbortSignal;
  /** Hears of each chunk after the first, how long after the one before it came. */
  readonly onNext: (gapMs: number) => void;
  /** Called once, however it ends. */
  readonly onEnd: (ended: Ended) => void;
}

/**
 * Passes on to the client what an attempt brought. 205 goes out as 204, which means the same to an
 * API's client: the runtime's server strips the length of a 205, and clients wait for its body.
 */
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
  const { headers, isStream, body, rest, watch, room } = answer;
  const status = answer.status === 205 ? 204 : answer.status;
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
    watch: watch ?? watchStream(undefined),
    isStream,
    clientGone: options.clientGone,
    errorFor: options.errorFor,
    onHeldTaken: room.drop,
    onNext: isStream ? options.onNext : () => {},
    onEnd(ended, { bytes, chunks, tail }) {
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
