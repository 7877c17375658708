import { NOBODYS_FAULT, outcomeFor } from "../attempt/outcome.ts";
import type { Client } from "../client.ts";
import type { Found } from "../failover.ts";
import { headersOf } from "../request.ts";
import type { RequestRecord } from "../request_record.ts";
import { endDetails } from "../retry.ts";
import { CLIENT_LEFT, type Reply } from "./reply.ts";
import { respond } from "./respond.ts";

/** The request that an answer belongs to. */
export interface DeliverContext {
  readonly client: Client;
  readonly reply: Reply;
  readonly record: RequestRecord;
  readonly settings: { readonly chunkTimeoutMs: number; readonly totalTimeoutMs?: number };
  /** Called for each chunk after the first, with the time since the one before. */
  readonly onNext: (gapMs: number) => void;
}

/** Sends the result of a request to its client and records the outcome. */
export async function deliver(
  found: Found,
  { client, reply, record, settings, onNext }: DeliverContext,
): Promise<void> {
  if (found.kind === "left") {
    Object.assign(record, { outcome: NOBODYS_FAULT, status: CLIENT_LEFT });
    return reply.abandon();
  }
  if (found.kind === "error") {
    const { error, failed } = found;
    Object.assign(record, { outcome: outcomeFor(failed), status: error.status });
    return reply.reject(error, headersOf(record.id, client));
  }
  const { answered, server, lease } = found;
  record.server = server;
  try {
    const headers = headersOf(record.id, client, lease?.decision);
    const ended = await respond(answered, reply, headers, settings, onNext);
    lease?.end(ended.outcome, endDetails(ended, Date.now()));
    const { status, bytes, usage } = ended;
    Object.assign(record, { outcome: outcomeFor(ended), status, bytes, usage });
  } finally {
    // No effect unless a defect of the router's threw.
    lease?.end(NOBODYS_FAULT);
  }
}
