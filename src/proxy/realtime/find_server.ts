import type { Refusal } from "../../fleet/eligible.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Lease } from "../../fleet/lease.ts";
import { isFailure } from "../../fleet/outcome.ts";
import type { Server } from "../../fleet/state/server.ts";
import { type ApiError, shuttingDown } from "../../http/api_errors.ts";
import { dial } from "../../http/ws/dial.ts";
import type { RelayedSocket } from "../../http/ws/web_socket.ts";
import { monotonicMs } from "../../util/clock.ts";
import { headersForAttempt } from "../headers.ts";
import type { ProxyOptions } from "../proxy_options.ts";
import type { RequestRecord } from "../request_record.ts";
import { noAnswer } from "../response/server_errors.ts";
import { costsRetry } from "../retry.ts";
import type { Trace } from "../trace.ts";
import { type DialContext, dialServer, type NotReached } from "./dial_server.ts";

/** The dependencies of {@linkcode createFindServer}. */
export type FindServerOptions = Pick<
  ProxyOptions,
  "fleet" | "retries" | "observer" | "cutOff" | "relist"
>;

/** What a session asks for. */
export interface Sought extends DialContext {
  readonly id: string;
  /** The path, with its query. */
  readonly path: string;
  /** The headers sent to every server. */
  readonly headers: [string, string][];
  readonly settings: Fleet["settings"];
  readonly record: RequestRecord;
  /** Its trace, if requests are traced. */
  readonly trace: Trace | undefined;
  /** When its model was known, on the clock of `performance.now()`. */
  readonly readAt: number;
}

/** A server of the session. */
export interface Reached {
  readonly server: RelayedSocket;
  readonly lease: Lease;
}

/** A server of the session, or why there is none. */
export type FoundServer = Reached | { readonly error: ApiError };

/** Finds a server of a model. */
export type FindServer = (model: string, sought: Sought) => Promise<FoundServer>;

/**
 * Creates the loop that chooses a server and dials it, and goes on to another one if that fails, as
 * often as `max_retries` and the retry budget allow.
 */
export function createFindServer(options: FindServerOptions): FindServer {
  const { fleet, retries, observer, cutOff, relist } = options;

  return async function findServer(model, sought) {
    const { id, path, record, settings, readAt, trace } = sought;
    const profile = { model, promptBytes: 0, blocks: [], session: undefined, stream: false };
    const tried = new Map<Readonly<Server>, number>();
    let refusal: Refusal | undefined;
    let failed: (NotReached & { readonly server: string }) | undefined;
    let retryDenied = false;
    do {
      if (cutOff.aborted) return { error: shuttingDown };
      let lease = fleet.acquire(profile, tried, id, trace?.isSampled);
      if (lease === "unknown_model" && tried.size === 0) {
        // An adapter may have been loaded since the servers were asked last.
        await relist();
        lease = fleet.acquire(profile, tried, id, trace?.isSampled);
      }
      if (typeof lease === "string") {
        refusal = lease;
        break;
      }
      const { config } = lease.server;
      const { name: to } = config;
      if (!failed) observer.chosen(performance.now() - readAt);
      else observer.failover({ id, from: failed.server, to, reason: failed.outcome });
      record.attempts++;
      record.lastServer = to;
      const attemptId = `${id}-${record.attempts.toString(36)}`;
      const traced = trace?.attempt(lease, false);
      const headers = headersForAttempt(sought.headers, attemptId, config.apiKey, traced?.headers);
      const reached = await dialServer(() => dial(config, path, headers), lease, sought);
      tried.set(lease.server, monotonicMs());
      traced?.answered?.("outcome" in reached ? reached.status : 101, false);
      if (!("outcome" in reached)) {
        lease.started();
        return { server: reached, lease };
      }
      const { outcome, details } = failed = { ...reached, server: to };
      record.outcome = outcome;
      lease.end(outcome, details);
      // A 4xx is final, as for other requests.
      const isFinal = !isFailure(outcome) || failed.expired === "cut_off";
      if (isFinal || record.attempts > settings.maxRetries) break;
      retryDenied = costsRetry(failed) && fleet.canServe(model, tried) && !retries.take();
    } while (!retryDenied);
    if (retryDenied) observer.retryDenied();
    if (failed?.outcome === "client_error") return { error: noRealtime(model, failed.status) };
    return { error: noAnswer({ failed, refusal, retryDenied, model, settings }) };
  };
}

const noRealtime = (model: string, status: number | undefined): ApiError => ({
  status: 501,
  message: `The servers of the model \`${model}\` have no realtime endpoint: they answered ` +
    `${status} to its handshake.`,
  type: "not_implemented_error",
  code: "path_not_served",
  isLasting: true,
  param: "model",
});
