import type { Outcome } from "../fleet/outcome.ts";
import type { Attempted } from "./attempt.ts";
import { brokenStream } from "./errors.ts";
import { headersForClient } from "./headers.ts";
import { relay } from "./relay.ts";

export interface RespondOptions {
  /** The id the client knows the request by. */
  readonly id: string;
  /** Silence that breaks a stream off, in milliseconds. */
  readonly timeoutMs: number;
  readonly clientGone: AbortSignal;
  /** Called once: how it ended, with which status and how many bytes of body. */
  readonly onEnd: (outcome: Outcome, status: number, bytes: number) => void;
}

/** Passes on to the client what an attempt brought. */
export function respond({ outcome, answer }: Attempted, options: RespondOptions): Response {
  if (!answer) {
    // Nobody is there to read it: nginx's 499 is for the log.
    options.onEnd(outcome, 499, 0);
    return new Response(null, { status: 499 });
  }
  const { status, headers, body, rest } = answer;
  const head = { status, headers: headersForClient(headers, options.id) };
  if (!rest) {
    options.onEnd(outcome, status, body.length);
    return new Response(body.length > 0 ? body : null, head);
  }
  const relayed = relay({
    held: body,
    rest,
    headers,
    clientGone: options.clientGone,
    errorFor: (broken) => brokenStream(broken, options.timeoutMs),
    // An end as it should be is the end of what the status said.
    onEnd: (how, bytes) => options.onEnd(how === "ok" ? outcome : how, status, bytes),
  });
  return new Response(relayed, head);
}
