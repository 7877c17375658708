import type { Fleet } from "../fleet/fleet.ts";
import * as errors from "../http/api_errors.ts";
import type { ClientPool } from "../http/client_pool.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Admission } from "./admission.ts";
import { createAsk } from "./attempt/ask.ts";
import type { Client } from "./client.ts";
import type { Continuation } from "./continuation/continuation.ts";
import { createContinuations } from "./continuation/continuations.ts";
import { createFailover, type Found } from "./failover.ts";
import { headersForServers } from "./headers.ts";
import type { Observer } from "./observer.ts";
import { idOf } from "./request.ts";
import { readRequest } from "./request/read_request.ts";
import { applyKey, hasTerms } from "./quota/apply_key.ts";
import { usedTokens } from "./quota/used_tokens.ts";
import { openRecord } from "./request_record.ts";
import { Reply } from "./response/reply.ts";
import { deliver, type DeliverContext } from "./response/deliver.ts";
import type { RetryBudget } from "./retry_budget.ts";

/** The dependencies of {@linkcode createProxy}. */
export interface ProxyOptions {
  /** Chooses servers and counts requests. */
  readonly fleet: Fleet;
  /** Connections to servers. */
  readonly connections: ClientPool;
  /** @internal shared with the other way, see `create_proxies.ts` */
  readonly admission: Admission;
  /** @internal shared likewise */
  readonly retries: RetryBudget;
  /** Called as requests progress. */
  readonly observer: Observer;
  /** Aborts when the router stops accepting requests. */
  readonly closing: AbortSignal;
  /** Aborts when a stopping router stops waiting for requests in flight. */
  readonly cutOff: AbortSignal;
  /** Returns the model that runs for the name that a client asked for. */
  readonly modelFor: (asked: string | undefined) => string | undefined;
  /** Has all servers list their models again. */
  readonly relist: () => Promise<void>;
}

/** Handles a request to the end of its answer. */
export type Proxy = (exchange: Exchange, client: Client) => Promise<void>;

/** The state of one request. */
interface Context extends DeliverContext {
  readonly exchange: Exchange;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly settings: Fleet["settings"];
}

/**
 * Creates the proxy. It admits a request, reads it, chooses a server and attempts until an answer
 * has begun, responds, and records.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const { fleet, connections, admission, retries, observer, closing, cutOff, modelFor } = options;
  const ask = createAsk(connections, cutOff);
  const findAnswer = createFailover({ ...options, ask });
  const continuations = createContinuations({ ...options, ask });

  async function readAndAsk(
    context: Context,
  ): Promise<{ found: Found; continuation?: Continuation | undefined }> {
    const { exchange, client, record, record: { id }, settings } = context;
    const { target: path, departure } = exchange;
    const headers = headersForServers(exchange.headers, client);
    if ("status" in headers) return { found: { kind: "error", error: headers } };
    const read = await readRequest(exchange, client, { admission, settings, modelFor });
    if (!read) return { found: { kind: "left" } };
    if ("status" in read) return { found: { kind: "error", error: read } };
    try {
      const { profile: { model }, stream, asked } = read;
      Object.assign(record, { model, stream, asked });
      const room = admission.roomForAnswers(exchange.sent);
      const rewrite = hasTerms(client, path)
        ? await applyKey(read, path, client, fleet, record, room)
        : undefined;
      if (rewrite && "status" in rewrite) return { found: { kind: "error", error: rewrite } };
      const leg = continuations.firstLeg(read, settings);
      const asking = { ...context, id, departure, path, headers, leg, rewrite, room, asked };
      const found = await findAnswer(read, asking, record);
      return { found, continuation: continuations.after(read, asking, leg) };
    } finally {
      read.body.drop();
    }
  }

  return async function proxy(exchange, client) {
    const startedAt = performance.now();
    const id = idOf(exchange);
    const record = openRecord({ id, client, method: exchange.method, path: exchange.target });
    const reply = new Reply(exchange);
    const { settings } = fleet;
    const { nextToken: onNext } = observer;
    const context = { exchange, client, reply, record, startedAt, settings, onNext };
    try {
      const refused = closing.aborted ? errors.shuttingDown : admission.enter();
      if (refused) return await deliver({ kind: "error", error: refused }, context, undefined);
      try {
        retries.request();
        const { found, continuation } = await readAndAsk(context);
        try {
          await deliver(found, context, continuation);
        } finally {
          continuation?.drop();
        }
      } finally {
        admission.leave();
      }
    } finally {
      client.left(usedTokens(record));
      observer.closed({ ...record, durationMs: performance.now() - startedAt });
    }
  };
}
