import type { Fleet, Lease, Refusal } from "../fleet/fleet.ts";
import { isFailure } from "../fleet/outcome.ts";
import type { Server } from "../fleet/server.ts";
import { type Account, openAccount } from "./account.ts";
import { attempt, type Attempted, isEventStream } from "./attempt.ts";
import { classify } from "./classify.ts";
import * as errors from "./errors.ts";
import type { Observer } from "./observer.ts";
import { headersForAttempt, headersForServers } from "./headers.ts";
import { type Ended, respond } from "./respond.ts";
import { shouldRetry } from "./retry.ts";

/** What the proxy works with and whom it tells. */
export interface ProxyOptions {
  /** Chooses and counts. */
  readonly fleet: Fleet;
  /** Holds the connections to servers. */
  readonly client: Deno.HttpClient;
  /** Hears how requests fare. */
  readonly observer: Observer;
  /** Aborts when the router is told to stop: from then on new requests aren't welcome. */
  readonly stopping: AbortSignal;
}

/** Answers one request, from a client's address, with the help of the fleet. */
export type Proxy = (request: Request, clientAddress: string) => Promise<Response>;

/**
 * The way of a request: classify, choose, attempt, relay, account. Nothing has reached the client
 * before `answer`, so until then another server can take over.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const { fleet, client, observer, stopping } = options;
  let attempts = 0;

  return async function proxy(request, clientAddress) {
    const startedAt = performance.now();
    const id = idOf(request);
    const path = pathOf(request.url);
    const account = openAccount({ id, client: clientAddress, method: request.method, path });
    const { requestTimeoutMs: timeoutMs, maxRetries, healthCheckIntervalMs } = fleet.settings;
    const clientGone = request.signal;
    let failed: (Attempted & { server: string }) | undefined;
    if (stopping.aborted) return reject(errors.shuttingDown);

    const body = await request.bytes().catch(() => undefined);
    const readAt = performance.now();
    if (!body) return answer({ outcome: "client_closed", answer: undefined });
    const asked = await classify(body, request.headers.get("content-type"));
    if ("status" in asked) return reject(asked);
    const { model } = asked;
    Object.assign(account, asked);

    const sharedHeaders = headersForServers(request.headers);
    const tried = new Set<Readonly<Server>>();
    let failedAnswer: typeof failed;
    let refusal: Refusal | undefined;
    do {
      const lease = fleet.acquire(model, tried);
      if (typeof lease === "string") {
        refusal = lease;
        break;
      }
      const { url: server, apiKey } = lease.server.config;
      const attemptedAt = performance.now();
      if (failed) {
        observer.failover({ id, from: failed.server, to: server, reason: failed.outcome });
      } else observer.chosen(attemptedAt - readAt);
      tried.add(lease.server);
      account.attempts = tried.size;

      // A server takes the id into its own, and two in flight with one id confuse it.
      const attemptId = `${id}-${(attempts++).toString(36)}`;
      const headers = headersForAttempt(sharedHeaders, attemptId, apiKey);
      const url = server + path;
      const attempted = await attempt({ url, headers, body, client, timeoutMs, clientGone });
      if (!isFailure(attempted.outcome)) {
        if (attempted.answer && isEventStream(attempted.answer.headers)) {
          const now = performance.now();
          account.firstTokenMs = now - startedAt;
          observer.firstToken(server, now - attemptedAt, account.firstTokenMs);
        }
        return answer(attempted, server, lease);
      }

      lease.end(attempted.outcome);
      failed = { ...attempted, server };
      if (attempted.answer) failedAnswer = failed;
    } while (shouldRetry(failed.outcome, tried.size, maxRetries));

    if (failedAnswer) return answer(failedAnswer, failedAnswer.server);
    if (failed?.outcome === "timeout") return reject(errors.serversSilent(timeoutMs));
    if (failed) return reject(errors.serversFailed);
    if (refusal === "unknown_model") return reject(errors.unknownModel(model!));
    return reject(errors.noServer(healthCheckIntervalMs / 1000, model));

    function answer(attempted: Attempted, server?: string, lease?: Lease): Response {
      account.server = server;
      const onEnd = (ended: Ended) => {
        lease?.end(ended.outcome);
        close(ended);
      };
      return respond(attempted, { id, timeoutMs, clientGone, onNext: observer.nextToken, onEnd });
    }

    function reject(error: errors.ApiError): Response {
      close({ outcome: failed?.outcome ?? "rejected", status: error.status });
      return errors.errorResponse(error, { "x-request-id": id });
    }

    function close(ended: Partial<Account>): void {
      Object.assign(account, ended);
      account.durationMs = performance.now() - startedAt;
      observer.closed(account);
    }
  };
}

/** Longer than any tracing system's ids. */
const LONGEST_ID = 200;

/** The client's id for its request, or one made for it. */
function idOf({ headers }: Request): string {
  const given = headers.get("x-request-id");
  return given && given.length <= LONGEST_ID ? given : crypto.randomUUID();
}

/** Path and query of an absolute URL, without parsing it anew. */
function pathOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}
