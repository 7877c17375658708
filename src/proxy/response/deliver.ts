import { NOBODYS_FAULT, outcomeFor } from "../attempt/outcome.ts";
import type { Client } from "../client.ts";
import type { Continuation } from "../continuation/continuation.ts";
import type { Found } from "../failover.ts";
import { headersOf } from "../request.ts";
import type { RequestRecord } from "../request_record.ts";
import { endDetails } from "../retry.ts";
import type { Trace } from "../trace.ts";
import { finishReasonsIn, idIn } from "../../vllm/answer_facts.ts";
import { textOfAnswer } from "../../vllm/answer_text.ts";
import { dialectOf } from "../../vllm/stream_events.ts";
import { nameModels } from "./name_models.ts";
import { CLIENT_LEFT, type Reply } from "./reply.ts";
import { endBroken, type Ended, respond } from "./respond.ts";

/** The request that an answer belongs to. */
export interface DeliverContext {
  /** The models that a client may use, by all of their names. */
  readonly namesFor: (client: Client) => readonly string[];
  readonly client: Client;
  readonly reply: Reply;
  readonly record: RequestRecord;
  readonly settings: {
    readonly chunkTimeoutMs: number;
    readonly totalTimeoutMs?: number;
    readonly debugHeaders: boolean;
  };
  /** Called for each chunk after the first, with the time since the one before. */
  readonly onNext: (gapMs: number) => void;
  /** Its trace, if requests are traced. */
  readonly trace: Trace | undefined;
}

/** Tells in a stream where another server went on with it. */
const CONTINUED = new TextEncoder().encode(": continued\n\n");

/** An answer that is passed on. */
type Answered = Pick<Extract<Found, { kind: "answer" }>, "answered" | "lease" | "server">;

/**
 * Sends the result of a request to its client and records the outcome. A stream that breaks off
 * goes on with another server's answer, if it can.
 */
export async function deliver(
  found: Found,
  context: DeliverContext,
  continuation: Continuation | undefined,
): Promise<void> {
  const { client, reply, record, trace } = context;
  if (found.kind === "left") {
    Object.assign(record, { outcome: NOBODYS_FAULT, status: CLIENT_LEFT });
    return reply.abandon();
  }
  if (found.kind === "error") {
    const { error, failed } = found;
    const { status, message } = error;
    Object.assign(record, { outcome: outcomeFor(failed), status, error: message });
    return reply.reject(
      error.unknownModel === undefined ? error : nameModels(error, context.namesFor(client)),
      headersOf(record, client),
    );
  }
  let ended = await passOn(found, context, continuation);
  record.bytes = ended.bytes;
  while (ended.broken) {
    const next = await continuation?.next(ended, record);
    if (!next) {
      endBroken(ended.broken, reply, context.settings);
      break;
    }
    if (next.kind === "end") {
      const finishReasons = ended.finishReasons?.length ? ended.finishReasons : undefined;
      const whole = { tail: next.events, expired: undefined, broken: undefined } as const;
      ended = { ...ended, ...whole, finishReasons, outcome: "ok" };
      void reply.write(next.events).then(() => reply.end());
      break;
    }
    if (context.settings.debugHeaders) void reply.write(CONTINUED);
    ended = await passOn(next, context, continuation);
    record.bytes += ended.bytes;
  }
  const { status, usage } = ended;
  Object.assign(record, { outcome: outcomeFor(ended), status });
  // What was taken out of the stream is already there.
  record.usage = usage ?? record.usage;
  if (trace?.isSampled) {
    record.responseId ??= idIn(found.answered.answer?.body);
    record.finishReasons = ended.finishReasons ??
      finishReasonsIn(ended.tail, dialectOf(record.path));
  }
}

/** Passes one server's answer on, and ends its lease. */
async function passOn(
  { answered, server, lease }: Answered,
  { client, reply, record, onNext, settings }: DeliverContext,
  continuation: Continuation | undefined,
): Promise<Ended> {
  record.server = server;
  const stop = lease && continuation?.begun(lease, answered);
  const holdsErrors = continuation?.isPossible() ?? false;
  try {
    const served = settings.debugHeaders ? { server, decision: lease?.decision } : undefined;
    const headers = headersOf(record, client, served);
    const ended = await respond(answered, reply, headers, onNext, holdsErrors);
    const { answer: whole } = answered;
    const answer = () => whole?.rest ? continuation?.text() : textOfAnswer(whole?.body);
    lease?.end(ended.outcome, { ...endDetails(ended, Date.now()), answer });
    return ended;
  } finally {
    stop?.();
    // No effect unless a defect of the router's threw.
    lease?.end(NOBODYS_FAULT);
  }
}
