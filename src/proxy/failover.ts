import { monotonicMs } from "../util/clock.ts";
import type { Refusal } from "../fleet/eligible.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { Lease } from "../fleet/lease.ts";
import { isFailure } from "../fleet/outcome.ts";
import type { Server } from "../fleet/state/server.ts";
import { noLonger } from "../fleet/context.ts";
import { type ApiError, shuttingDown } from "../http/api_errors.ts";
import { pathIn } from "../http/paths.ts";
import type { Ask, RequestContext } from "./attempt/ask.ts";
import { createFailures, type Failed } from "./attempt/dispute.ts";
import type { FirstAnswer } from "./attempt/first_answer.ts";
import { NOBODYS_FAULT } from "./attempt/outcome.ts";
import type { Observer } from "./observer.ts";
import type { RequestRecord } from "./request_record.ts";
import type { ReadRequest } from "./request/read_request.ts";
import { noAnswer, pathNotServed } from "./response/server_errors.ts";
import { awayFromHome } from "./stored/away_from_home.ts";
import type { ResponseHomes } from "./stored/response_homes.ts";
import { createMissingPaths, type Lacking } from "./missing_paths.ts";
import { costsRetry, isFinal, shouldRetry } from "./retry.ts";
import type { RetryBudget } from "./retry_budget.ts";

/** The dependencies of {@linkcode createFailover}. */
export interface FailoverOptions {
  readonly fleet: Fleet;
  readonly ask: Ask;
  readonly retries: RetryBudget;
  readonly observer: Observer;
  /** Aborts when a stopping router stops waiting for requests in flight. */
  readonly cutOff: AbortSignal;
  /** Has all servers list their models again. */
  readonly relist: () => Promise<void>;
  /** Where stored responses are. */
  readonly homes: ResponseHomes;
}

/** The result of a request. */
export type Found =
  | {
    readonly kind: "answer";
    readonly answered: FirstAnswer;
    /** The server's name. */
    readonly server: string;
    /** The place at the server, `undefined` if the attempt failed and has already released it. */
    readonly lease: Lease | undefined;
  }
  /** The router's own error; `failed` is the last attempt, if any. */
  | { readonly kind: "error"; readonly error: ApiError; readonly failed?: Failed | undefined }
  /** Nothing: the client disconnected before a server was asked. */
  | { readonly kind: "left" };

/** Finds an answer by asking servers. */
export type FindAnswer = (
  read: Pick<ReadRequest, "profile" | "readAt" | "refersTo">,
  context: RequestContext,
  record: RequestRecord,
) => Promise<Found>;

/**
 * Creates the retry loop. It chooses a server and asks it. If the attempt fails before its answer
 * has begun, it tries another server, as often as `max_retries` and the retry budget allow. A server
 * that doesn't have the path is passed over.
 */
export function createFailover(options: FailoverOptions): FindAnswer {
  const { fleet, ask, retries, observer, cutOff, relist, homes } = options;
  const missing = createMissingPaths(monotonicMs);

  /** Whether all servers that have the model are known to lack a path. */
  function lackPath(model: string | undefined, lacking: Lacking): boolean {
    const able = fleet.servers.filter(({ models }) => model === undefined || models.has(model));
    return able.length > 0 && able.every((server) => lacking.has(server));
  }

  return async function findAnswer({ profile, readAt, refersTo }, context, record) {
    const { id, startedAt, settings, trace } = context;
    const path = pathIn(context.path);
    const elsewhere = refersTo === undefined ? NONE : awayFromHome(refersTo, context, homes, fleet);
    if ("status" in elsewhere) return { kind: "error", error: elsewhere };
    const tried = new Map<Readonly<Server>, number>([...missing.of(path), ...elsewhere]);
    const failures = createFailures();
    let refusal: Refusal | undefined;
    let retryDenied = false;
    let failedAttempts = 0;
    try {
      do {
        if (cutOff.aborted) {
          return { kind: "error", error: shuttingDown, failed: failures.last };
        }
        let lease = fleet.acquire(profile, tried, id, trace?.isSampled);
        if (lease === "unknown_model" && record.attempts === 0) {
          // An adapter may have been loaded since the servers were asked last.
          await relist();
          lease = fleet.acquire(profile, tried, id, trace?.isSampled);
        }
        if (typeof lease === "string") {
          refusal = lease;
          break;
        }
        const server = lease.server.config;
        const attemptedAt = performance.now();
        const { last } = failures;
        if (!last) observer.chosen(attemptedAt - readAt);
        else observer.failover({ id, from: last.server, to: server.name, reason: last.outcome });
        record.attempts++;
        record.lastServer = server.name;

        const answered = await askOrEnd(ask, lease, context);
        tried.set(lease.server, monotonicMs());
        const { outcome, answer, clientError } = answered;
        if (answered.lacksPath) {
          // Any server may lack a path: that counts for nothing, and costs no retry.
          answer?.rest?.end();
          lease.end(outcome);
          missing.add(path, lease.server);
          continue;
        }
        const isSuspect = clientError !== undefined && lease.suspects(clientError);
        if (clientError?.isTooLong) {
          const shorter = noLonger(fleet.servers, lease.server, profile.model);
          for (const other of shorter) tried.set(other, monotonicMs());
        }
        const isTooShort = clientError?.isTooLong === true && fleet.canServe(profile.model, tried);
        // The router may have been started after the response was stored.
        const isStrange = refersTo !== undefined && answer?.status === 404 &&
          elsewhere.size === 0 &&
          fleet.canServe(profile.model, tried) && retries.take();
        if (!isFailure(outcome) && !isSuspect && !isTooShort && !isStrange) {
          if (outcome === "ok") lease.started();
          if (answer?.isStream) {
            const now = performance.now();
            record.firstTokenMs = now - startedAt;
            observer.firstToken(server, now - attemptedAt, record.firstTokenMs, record.model);
          }
          failures.settle(answered);
          return { kind: "answer", answered, server: server.name, lease };
        }

        failures.add(lease, answered, isSuspect, Date.now());
        if (isTooShort || isStrange) continue;
        if (!shouldRetry(answered, ++failedAttempts, settings.maxRetries)) break;
        retryDenied = costsRetry(answered) && fleet.canServe(profile.model, tried) &&
          !retries.take();
      } while (!retryDenied);
      failures.settle(undefined, retryDenied);
    } finally {
      // After a defect, the cause of what is still unsettled is unknown.
      failures.settle(undefined, true);
    }
    if (retryDenied) observer.retryDenied();
    const { last: failed, answered } = failures;
    if (answered && !isFinal(failed)) {
      return { kind: "answer", answered, server: answered.server, lease: undefined };
    }
    answered?.answer?.rest?.end();
    const { model } = profile;
    const error = !failed && refusal === "unavailable" && lackPath(model, missing.of(path))
      ? pathNotServed(path, model)
      : noAnswer({ failed, refusal, retryDenied, model, settings });
    return { kind: "error", error, failed };
  };
}

const NONE: ReadonlyMap<Readonly<Server>, number> = new Map();

/** Asks the server; ends the lease if a defect of the router makes that throw. */
async function askOrEnd(ask: Ask, lease: Lease, context: RequestContext): Promise<FirstAnswer> {
  try {
    return await ask(lease, context);
  } catch (defect) {
    lease.end(NOBODYS_FAULT);
    throw defect;
  }
}
