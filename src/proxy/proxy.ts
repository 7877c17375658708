import type { Fleet, Lease, Refusal } from "../fleet/fleet.ts";
import type { Outcome } from "../fleet/outcome.ts";
import type { Server } from "../fleet/server.ts";
import { type Account, openAccount } from "./account.ts";
import { attempt, type Attempted } from "./attempt.ts";
import { classify } from "./classify.ts";
import * as errors from "./errors.ts";
import { headersForAttempt, headersForServers } from "./headers.ts";
import { respond } from "./respond.ts";
import { isFailure, shouldRetry } from "./retry.ts";

/** A request moves to another server. */
export interface Failover {
  /** The request's id. */
  readonly id: string;
  /** URL of the server that failed. */
  readonly from: string;
  /** URL of the server that is asked next. */
  readonly to: string;
  /** How the attempt before ended. */
  readonly reason: Outcome;
}

/** What the proxy works with and whom it tells. */
export interface ProxyOptions {
  /** Chooses and counts. */
  readonly fleet: Fleet;
  /** Holds the connections to servers. */
  readonly client: Deno.HttpClient;
  /** Hears of each failover. @default nobody */
  readonly onFailover?: (failover: Failover) => void;
  /** Hears of each request once it ended. @default nobody */
  readonly onAccount?: (account: Readonly<Account>) => void;
}

/** Answers one request with the help of the fleet. */
export type Proxy = (request: Request) => Promise<Response>;

/**
 * The way of a request: classify, choose, attempt, relay, account. Nothing has reached the client
 * before `answer`, so until then another server can take over.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const { fleet, client, onFailover = () => {}, onAccount = () => {} } = options;

  return async function proxy(request) {
    const id = request.headers.get("x-request-id") || crypto.randomUUID();
    const path = pathOf(request.url);
    const { account, close } = openAccount(id, path, onAccount);
    const { requestTimeoutMs: timeoutMs, maxRetries, healthCheckIntervalMs } = fleet.settings;
    const clientGone = request.signal;

    const body = await request.bytes().catch(() => undefined);
    if (!body) return answer({ outcome: "client_closed", answer: undefined });
    const asked = await classify(body, request.headers.get("content-type"));
    if ("status" in asked) return reject(asked);
    const { model } = asked;
    Object.assign(account, asked);

    const sharedHeaders = headersForServers(request.headers);
    const tried = new Set<Readonly<Server>>();
    let failed: (Attempted & { server: string }) | undefined;
    let failedAnswer: typeof failed;
    let refusal: Refusal | undefined;
    do {
      const lease = fleet.acquire(model, tried);
      if (typeof lease === "string") {
        refusal = lease;
        break;
      }
      const { url: server, apiKey } = lease.server.config;
      if (failed) onFailover({ id, from: failed.server, to: server, reason: failed.outcome });
      tried.add(lease.server);
      account.attempts = tried.size;

      // A server takes the id into its own, so that each attempt needs another.
      const attemptId = tried.size === 1 ? id : `${id}-${tried.size}`;
      const headers = headersForAttempt(sharedHeaders, attemptId, apiKey);
      const url = server + path;
      const attempted = await attempt({ url, headers, body, client, timeoutMs, clientGone });
      if (!isFailure(attempted.outcome)) return answer(attempted, server, lease);

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
      const onEnd = (outcome: Outcome, status: number, bytes: number) => {
        lease?.end(outcome);
        close(outcome, status, bytes);
      };
      return respond(attempted, { id, timeoutMs, clientGone, onEnd });
    }

    function reject(error: errors.ApiError): Response {
      close("rejected", error.status, 0);
      return errors.errorResponse(error, { "x-request-id": id });
    }
  };
}

/** Path and query of an absolute URL, without parsing it anew. */
function pathOf(url: string): string {
  return url.slice(url.indexOf("/", url.indexOf("//") + 2));
}
