import { monotonicMs } from "../clock.ts";
import type { Connections } from "../fleet/connections.ts";
import type { Refusal } from "../fleet/eligible.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Lease } from "../fleet/lease.ts";
import { isFailure } from "../fleet/outcome.ts";
import type { Server } from "../fleet/server.ts";
import { openAccount } from "./account.ts";
import { createAdmission } from "./admission.ts";
import { attempt, type Attempted, LEFT } from "./attempt.ts";
import { readAsked } from "./asked.ts";
import type { Client } from "./client.ts";
import { limitsOf } from "./deadlines.ts";
import { createDisputes, isDisputable } from "./dispute.ts";
import type { Early } from "./early_head.ts";
import * as errors from "./errors.ts";
import { headersForAttempt, headersForClient, headersForServers } from "./headers.ts";
import type { Observer } from "./observer.ts";
import { targetOf } from "./paths.ts";
import { createReach } from "./reach.ts";
import { headersOf, idOf } from "./request.ts";
import { respond } from "./respond.ts";
import { brokenStream, noAnswer } from "./server_errors.ts";
import { endDetails, isFinal, outcomeFor, shouldRetry } from "./retry.ts";
import { createRetryBudget } from "./retry_budget.ts";

/** What the proxy works with and whom it tells. */
export interface ProxyOptions {
  /** Chooses and counts. */
  readonly fleet: Fleet;
  /** Connections to servers. */
  readonly connections: Connections;
  /** Hears how requests fare. */
  readonly observer: Observer;
  /** Aborts when the router takes no new requests any more. */
  readonly closing: AbortSignal;
  /** Aborts when the router can't wait any longer for those it has. */
  readonly cutOff: AbortSignal;
}

/** Answers one request of a client with the help of the fleet. */
export type Proxy = (request: Request, client: Client, early: Early) => Promise<Response>;

/**
 * The way of a request: admit, classify, choose, attempt, relay, account. No token has reached the
 * client before `answer`, so until then another server can take over.
 */
export function createProxy(options: ProxyOptions): Proxy {
  const { fleet, connections, observer, closing, cutOff } = options;
  const admission = createAdmission(() => fleet.settings);
  const retries = createRetryBudget(() => performance.now());
  const isReachable = createReach();
  // Listeners on a signal cost more the more there are; a set of callbacks doesn't.
  const cutOffs = new Set<() => void>();
  cutOff.addEventListener("abort", () => [...cutOffs].forEach((cut) => cut()));
  let attempts = 0;

  return async function proxy(request, client, early) {
    const startedAt = performance.now();
    const { clientGone } = early;
    const id = idOf(request);
    const path = targetOf(request.url);
    const account = openAccount({ id, client, method: request.method, path });
    const { settings } = fleet;
    // What is given back when the request has ended, even by a defect of ours: the last first.
    using held = new DisposableStack();
    held.defer(() => observer.closed({ ...account, durationMs: performance.now() - startedAt }));
    held.defer(client.left);
    let dropBody = () => {};
    let failed: (Attempted & { server: string }) | undefined;
    const refused = closing.aborted ? errors.shuttingDown : admission.enter();
    if (refused) return reject(refused);
    held.defer(admission.leave);
    retries.request();

    const sharedHeaders = headersForServers(request.headers, client);
    if ("status" in sharedHeaders) return reject(sharedHeaders);
    const asked = await readAsked(request, path, client, admission, settings);
    if (!asked) return answer(LEFT);
    if ("status" in asked) return reject(asked);
    held.defer(dropBody = asked.body.drop);
    const { work, work: { model } } = asked;
    Object.assign(account, { model, stream: asked.stream });

    const tried = new Map<Readonly<Server>, number>();
    const disputes = createDisputes();
    held.defer(() => disputes.settle(undefined, true));
    let failedAnswer: typeof failed;
    let refusal: Refusal | undefined;
    let heldBack = false;
    do {
      if (cutOff.aborted) return reject(errors.shuttingDown);
      const lease = fleet.acquire(work, tried, id);
      if (typeof lease === "string") {
        refusal = lease;
        break;
      }
      held.defer(() => lease.end("client_closed"));
      const { url: server, apiKey } = lease.server.config;
      const attemptedAt = performance.now();
      if (!failed) observer.chosen(attemptedAt - asked.readAt);
      else observer.failover({ id, from: failed.server, to: server, reason: failed.outcome });
      account.attempts++;
      account.lastServer = server;

      // A server takes the id into its own, and two in flight with one id confuse it.
      const attempted = await attempt({
        url: server + path,
        path,
        headers: headersForAttempt(sharedHeaders, `${id}-${(attempts++).toString(36)}`, apiKey),
        body: asked.body.bytes,
        ...connections.to(lease.server.config),
        limits: limitsOf(settings, lease, { startedAt, cutOffs }),
        clientGone,
        isReachable,
        early,
        headFor: (server) => headersForClient(server, headersOf(id, client, lease.decision)),
      });
      tried.set(lease.server, monotonicMs());
      const { clientError } = attempted;
      const isSuspect = clientError !== undefined && lease.suspects(clientError);
      if (!isFailure(attempted.outcome) && !isSuspect) {
        if (attempted.outcome === "ok") lease.started();
        if (attempted.answer?.isStream) {
          const now = performance.now();
          account.firstTokenMs = now - startedAt;
          observer.firstToken(server, now - attemptedAt, account.firstTokenMs);
        }
        disputes.settle(attempted);
        failedAnswer = undefined;
        return answer(attempted, server, lease);
      }

      const disputed = isDisputable(attempted, isSuspect);
      lease.end(attempted.outcome, { ...endDetails(attempted, Date.now()), disputed });
      if (disputed) disputes.add(lease, attempted);
      failed = { ...attempted, server };
      // An error that may be one server's own says less than what another said.
      const saysLess = isSuspect && (failedAnswer || isOwnKeyRefused(attempted, apiKey));
      if (attempted.answer && !saysLess) failedAnswer = failed;
      if (!shouldRetry(attempted, account.attempts, settings.maxRetries)) break;
      heldBack = fleet.canServe(model, tried) && !retries.take();
    } while (!heldBack);

    disputes.settle(undefined, heldBack);
    if (heldBack) observer.retryHeldBack();
    if (failedAnswer && !isFinal(failed)) return answer(failedAnswer, failedAnswer.server);
    return reject(noAnswer({ failed, refusal, heldBack, model, settings }));

    function answer(attempted: Attempted, server?: string, lease?: Lease): Response {
      account.server = server;
      dropBody();
      const ending = held.move();
      return respond(attempted, {
        headers: headersOf(id, client, lease?.decision),
        clientGone,
        errorFor: (expired) => brokenStream(expired, settings),
        onNext: observer.nextToken,
        onEnd(ended) {
          lease?.end(ended.outcome, endDetails(ended, Date.now()));
          const { status, bytes, usage } = ended;
          Object.assign(account, { outcome: outcomeFor(ended), status, bytes, usage });
          ending.dispose();
        },
      });
    }

    function reject(error: errors.ApiError): Response {
      Object.assign(account, { outcome: outcomeFor(failed), status: error.status });
      return errors.errorResponse(error, headersOf(id, client));
    }
  };
}

/** The router's own key is no business of the client's. */
function isOwnKeyRefused({ answer }: Attempted, apiKey: string | undefined): boolean {
  return apiKey !== undefined && (answer?.status === 401 || answer?.status === 403);
}
