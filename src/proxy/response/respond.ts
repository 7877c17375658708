import type { Outcome } from "../../fleet/outcome.ts";
import { type Usage, usageIn } from "../../vllm/usage.ts";
import type { FirstAnswer } from "../attempt/first_answer.ts";
import type { Expiry } from "../attempt/outcome.ts";
import { headersForClient } from "../headers.ts";
import { type Broken, relay } from "./relay.ts";
import { CLIENT_LEFT, type Reply } from "./reply.ts";
import { brokenStream } from "./server_errors.ts";

/** The result of responding with a server's answer, or with a part of it. */
export interface Ended {
  readonly outcome: Outcome;
  readonly status: number;
  /** Bytes of the body. */
  readonly bytes: number;
  /** As reported in the answer. */
  readonly usage: Usage | undefined;
  /** The last bytes, or all. */
  readonly tail: Uint8Array;
  /** Why the choices of an event stream ended, `undefined` for other answers. */
  readonly finishReasons: readonly string[] | undefined;
  /** Chunks relayed; 0 for a whole answer. */
  readonly chunks: number;
  /** Why the router aborted it, if it did. */
  readonly expired: Expiry | undefined;
  /** The client still waits for the end of the stream. */
  readonly broken: Broken | undefined;
}

/**
 * Passes an attempt's answer on to the client, to its end. Sends 205 as 204, which means the same
 * to an API client: the runtime's server strips the length of a 205, and clients wait for its
 * body.
 *
 * @param own headers that the router adds
 * @param onNext called for each chunk after the first with the time since the chunk before it
 * @param holdsErrors whether a server's own error within a stream is left to the caller
 */
export async function respond(
  { outcome, answer }: Pick<FirstAnswer, "outcome" | "answer">,
  reply: Reply,
  own: [string, string][],
  onNext: (gapMs: number) => void,
  holdsErrors = false,
): Promise<Ended> {
  if (!answer) {
    reply.abandon();
    return ended(outcome, CLIENT_LEFT);
  }
  const status = answer.status === 205 ? 204 : answer.status;
  const head = headersForClient(answer.headers, own);
  if (!answer.rest || !reply.canSend(status)) {
    answer.rest?.end();
    reply.respond(status, head, answer.body);
    return ended(outcome, status, answer.body);
  }
  await reply.begin(status, head);
  const relayed = await relay(answer.rest, answer, reply, { onNext, holdsErrors });
  return { ...relayed, status, usage: usageIn(relayed.tail), expired: answer.rest.expired };
}

/** Ends a stream that can't go on: with its server's own error, or one that says what happened. */
export function endBroken(
  { error, expired, tail }: Broken,
  reply: Reply,
  settings: { readonly chunkTimeoutMs: number; readonly totalTimeoutMs?: number },
): void {
  if (error) void reply.writeError(error).then(() => reply.end());
  else reply.breakOff(brokenStream(expired, settings), tail);
}

const NOTHING = new Uint8Array();

/** Describes the end of a whole answer. */
function ended(outcome: Outcome, status: number, body = NOTHING): Ended {
  return {
    outcome,
    status,
    bytes: body.length,
    chunks: 0,
    usage: usageIn(body),
    tail: body,
    finishReasons: undefined,
    expired: undefined,
    broken: undefined,
  };
}
