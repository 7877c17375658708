import type { Outcome } from "../fleet/outcome.ts";
import { type Attempted, isEventStream } from "./attempt.ts";
import { brokenStream } from "./errors.ts";
import { concat } from "./bytes.ts";
import { headersForClient } from "./headers.ts";
import { relay } from "./relay.ts";
import { type Usage, usageIn } from "./usage.ts";

/** How the passing on of an answer ended. */
export interface Ended {
  readonly outcome: Outcome;
  readonly status: number;
  /** Of the body. */
  readonly bytes: number;
  /** As the answer told it. */
  readonly usage: Usage | undefined;
}

export interface RespondOptions {
  /** The id the client knows the request by. */
  readonly id: string;
  /** Silence that breaks a stream off, in milliseconds. */
  readonly timeoutMs: number;
  readonly clientGone: AbortSignal;
  /** Hears of each chunk after the first, how long after the one before it came. */
  readonly onNext: (gapMs: number) => void;
  /** Called once, however it ends. */
  readonly onEnd: (ended: Ended) => void;
}

/** Passes on to the client what an attempt brought. */
export function respond({ outcome, answer }: Attempted, options: RespondOptions): Response {
  if (!answer) {
    // Nobody is there to read it: nginx's 499 is for the log.
    options.onEnd({ outcome, status: 499, bytes: 0, usage: undefined });
    return new Response(null, { status: 499 });
  }
  const { status, headers, body, rest } = answer;
  const head = { status, headers: headersForClient(headers, options.id) };
  if (!rest) {
    options.onEnd({ outcome, status, bytes: body.length, usage: usageIn(body) });
    return new Response(body.length > 0 ? body : null, head);
  }
  const relayed = relay({
    held: body,
    rest,
    headers,
    clientGone: options.clientGone,
    errorFor: (broken) => brokenStream(broken, options.timeoutMs),
    onNext: isEventStream(headers) ? options.onNext : () => {},
    onEnd(how, bytes, tail) {
      // An end as it should be is the end of what the status said.
      const ended = how === "ok" ? outcome : how;
      options.onEnd({ outcome: ended, status, bytes, usage: usageIn(concat(tail())) });
    },
  });
  return new Response(relayed, head);
}
