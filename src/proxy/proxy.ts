import type { Fleet } from "../fleet/fleet.ts";
import * as errors from "../http/api_errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { createAsk } from "./attempt/ask.ts";
import type { Client } from "./client.ts";
import type { Continuation } from "./continuation/continuation.ts";
import { createContinuations } from "./continuation/continuations.ts";
import { createFailover, type Found } from "./failover.ts";
import { headersForServers } from "./headers.ts";
import type { ProxyOptions } from "./proxy_options.ts";
import { idOf } from "./request.ts";
import { readRequest } from "./request/read_request.ts";
import { applyKey, hasTerms } from "./quota/apply_key.ts";
import { usedTokens } from "./quota/used_tokens.ts";
import { openRecord } from "./request_record.ts";
import { Reply } from "./response/reply.ts";
import { createStoredAs } from "./stored/stored_as.ts";
import { deliver, type DeliverContext } from "./response/deliver.ts";

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
  const { fleet, connections, admission, observer, modelFor, listedModels } = options;
  const { retries, cutOff, homes, tracer } = options;
  const namesFor = (client: Client) =>
    listedModels().filter((name) => client.mayUse(modelFor(name, client.mayUse)));
  const ask = createAsk(connections, cutOff);
  const findAnswer = createFailover({ ...options, ask });
  const continuations = createContinuations({ ...options, ask });

  async function readAndAsk(
    context: Context,
  ): Promise<{ found: Found; continuation?: Continuation | undefined }> {
    const { exchange, client, record, record: { id }, settings } = context;
    const { target: path, departure } = exchange;
    const method = exchange.method === "GET" ? "GET" : "POST";
    const headers = headersForServers(exchange.headers, client);
    if ("status" in headers) return { found: { kind: "error", error: headers } };
    const read = await readRequest(exchange, client, { admission, settings, modelFor, homes });
    if (!read) return { found: { kind: "left" } };
    if ("status" in read) return { found: { kind: "error", error: read } };
    try {
      const { profile: { model }, stream, asked } = read;
      Object.assign(record, { model, stream, asked });
      const room = admission.roomForAnswers(exchange.sent);
      const rewrite = method === "POST" && hasTerms(client, path)
        ? await applyKey(read, path, client, fleet, record, room)
        : undefined;
      if (rewrite && "status" in rewrite) return { found: { kind: "error", error: rewrite } };
      const leg = continuations.firstLeg(read, settings);
      const stored = /^\/v1\/responses\b/.test(path)
        ? createStoredAs(homes, { model, asked, keyName: client.keyName })
        : undefined;
      const request = { id, departure, method, path, headers, leg, rewrite, room, asked } as const;
      const asking = { ...context, ...request, stored };
      const found = await findAnswer(read, asking, record);
      record.responseId = stored?.id;
      return { found, continuation: continuations.after(read, asking, leg) };
    } finally {
      read.body.drop();
    }
  }

  return async function proxy(exchange, client) {
    const startedAt = performance.now();
    const trace = tracer()?.(exchange.headers);
    const id = idOf(exchange);
    const record = openRecord({ id, client, method: exchange.method, path: exchange.target });
    const { settings } = fleet;
    const reply = new Reply(exchange, id, settings.sseKeepAliveMs);
    const { nextToken: onNext } = observer;
    const own = { namesFor, exchange, client, reply, record };
    const context = { ...own, startedAt, settings, onNext, trace };
    try {
      const refused = cutOff.aborted ? errors.shuttingDown : admission.enter();
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
      reply.stop();
      client.left(usedTokens(record));
      observer.closed({ ...record, durationMs: performance.now() - startedAt }, trace);
    }
  };
}
