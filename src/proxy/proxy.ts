import { monotonicMs } from "../util/clock.ts";
import type { ClientPool } from "../http/client_pool.ts";
import type { Refusal } from "../fleet/eligible.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Lease } from "../fleet/lease.ts";
import { isFailure } from "../fleet/outcome.ts";
import type { Server } from "../fleet/state/server.ts";
import { openRecord } from "./request_record.ts";
import { createAdmission } from "./admission.ts";
import { type Attempted, LEFT } from "./attempt/attempt.ts";
import { createAttempts } from "./attempt/attempts.ts";
import { readRequest } from "./request/read_request.ts";
import type { Client } from "./client.ts";
import { createFailures } from "./attempt/dispute.ts";
import type { Early } from "./response/early_head.ts";
import * as errors from "../http/api_errors.ts";
import { headersForServers } from "./headers.ts";
import type { Observer } from "./observer.ts";
import { targetOf } from "../http/paths.ts";
import { headersOf, idOf } from "./request.ts";
import { respond } from "./response/respond.ts";
import { brokenStream, noAnswer } from "./response/server_errors.ts";
import { costsRetry, endDetails, isFinal, outcomeFor, shouldRetry } from "./retry.ts";
import { createRetryBudget } from "./retry_budget.ts";

/** What the proxy works with and whom it tells. */
export interface ProxyOptions {
  /** Chooses and counts. */
  readonly fleet: Fleet;
  /** Connections to servers. */
  readonly connections: ClientPool;
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
  const attemptAt = createAttempts(connections, cutOff);

  return async function proxy(request, client, early) {
    const startedAt = performance.now();
    const id = idOf(request);
    const path = targetOf(request.url);
    const record = openRecord({ id, client, method: request.method, path });
    const { settings } = fleet;
    // What is given back when the request has ended, even by a defect of ours: the last first.
    using held = new DisposableStack();
    held.defer(() => observer.closed({ ...record, durationMs: performance.now() - startedAt }));
    held.defer(client.left);
    let dropBody = () => {};
    const failures = createFailures();
    held.defer(() => failures.settle(undefined, true));
    const refused = closing.aborted ? errors.shuttingDown : admission.enter();
    if (refused) return reject(refused);
    held.defer(admission.leave);
    retries.request();

    const headers = headersForServers(request.headers, client);
    if ("status" in headers) return reject(headers);
    const asked = await readRequest(request, path, client, admission, settings);
    if (!asked) return answer(LEFT);
    if ("status" in asked) return reject(asked);
    held.defer(dropBody = asked.body.drop);
    const { work, work: { model }, body: { bytes: body } } = asked;
    Object.assign(record, { model, stream: asked.stream });
    const room = admission.roomForAnswers(early.sent);
    const shared = { id, client, path, headers, body, early, room, startedAt, settings };
    const tried = new Map<Readonly<Server>, number>();
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
      const { config: server } = lease.server;
      const attemptedAt = performance.now();
      const failed = failures.last;
      if (!failed) observer.chosen(attemptedAt - asked.readAt);
      else observer.failover({ id, from: failed.server, to: server.name, reason: failed.outcome });
      record.attempts++;
      record.lastServer = server.name;

      const attempted = await attemptAt(lease, shared);
      tried.set(lease.server, monotonicMs());
      const isSuspect = attempted.clientError !== undefined &&
        lease.suspects(attempted.clientError);
      if (!isFailure(attempted.outcome) && !isSuspect) {
        if (attempted.outcome === "ok") lease.started();
        if (attempted.answer?.isStream) {
          const now = performance.now();
          record.firstTokenMs = now - startedAt;
          observer.firstToken(server, now - attemptedAt, record.firstTokenMs);
        }
        failures.settle(attempted);
        return answer(attempted, server.name, lease);
      }

      failures.add(lease, attempted, isSuspect, Date.now());
      if (!shouldRetry(attempted, record.attempts, settings.maxRetries)) break;
      heldBack = costsRetry(attempted) && fleet.canServe(model, tried) && !retries.take();
    } while (!heldBack);

    failures.settle(undefined, heldBack);
    if (heldBack) observer.retryHeldBack();
    const { last: failed, answered } = failures;
    if (answered && !isFinal(failed)) return answer(answered, answered.server);
    return reject(noAnswer({ failed, refusal, heldBack, model, settings }));

    function answer(attempted: Attempted, server?: string, lease?: Lease): Response {
      record.server = server;
      dropBody();
      const ending = held.move();
      return respond(attempted, {
        headers: headersOf(id, client, lease?.decision),
        clientGone: early.clientGone,
        errorFor: (expired) => brokenStream(expired, settings),
        onNext: observer.nextToken,
        onEnd(ended) {
          lease?.end(ended.outcome, endDetails(ended, Date.now()));
          const { status, bytes, usage } = ended;
          Object.assign(record, { outcome: outcomeFor(ended), status, bytes, usage });
          ending.dispose();
        },
      });
    }

    function reject(error: errors.ApiError): Response {
      Object.assign(record, { outcome: outcomeFor(failures.last), status: error.status });
      return errors.errorResponse(error, headersOf(id, client));
    }
  };
}
