import type { FieldMap } from "../../http/field_map.ts";
import type { Fleet } from "../../fleet/fleet.ts";
import type { Lease } from "../../fleet/lease.ts";
import type { Server } from "../../fleet/state/server.ts";
import type { ClientPool } from "../../http/client_pool.ts";
import { createConnectProbe } from "../../http/connect_probe.ts";
import type { Departure, Head } from "../../http/exchange.ts";
import type { ForwardedMethod } from "../../http/client_pool.ts";
import type { Upstream } from "../../http/upstream.ts";
import type { Room } from "../admission.ts";
import type { Client } from "../client.ts";
import { headersForAttempt, headersForClient } from "../headers.ts";
import { headersOf } from "../request.ts";
import type { Reply } from "../response/reply.ts";
import { noteId } from "../stored/note_id.ts";
import { type StoredAs, withId } from "../stored/stored_as.ts";
import type { Trace } from "../trace.ts";
import { answerAs } from "./answer_as.ts";
import { Callbacks } from "../../util/callbacks.ts";
import { Attempt } from "./attempt.ts";
import { limitsOf, watchDeadlines } from "./deadlines.ts";
import { type FirstAnswer, firstAnswer } from "./first_answer.ts";

/** What is sent to servers instead of the body, and how their answers are read. */
export interface Leg {
  bodyFor(server: Readonly<Server>): Uint8Array<ArrayBuffer>;
  tap(upstream: Upstream, server: Readonly<Server>): Upstream;
}

/** What the key of a request changes in it, and in the answers to it. */
export interface Rewrite {
  /** Returns the body for a server, of this attempt's. */
  bodyFor(body: Uint8Array<ArrayBuffer>, server: Readonly<Server>): Uint8Array<ArrayBuffer>;
  /** Returns the headers for a server. */
  headersFor(headers: [string, string][], server: Readonly<Server>): [string, string][];
  /** Returns the answer as the client gets it. */
  tap(upstream: Upstream): Upstream;
}

/** What all attempts of a request share. */
export interface RequestContext {
  /** The request's id. */
  readonly id: string;
  readonly client: Client;
  readonly departure: Departure;
  readonly method: ForwardedMethod;
  /** The path, with its query. */
  readonly path: string;
  /** The headers sent to every server. */
  readonly headers: [string, string][];
  readonly leg: Leg;
  readonly rewrite: Rewrite | undefined;
  readonly reply: Reply;
  /** The memory reserved for its buffered answers. */
  readonly room: Room;
  /** On the clock of `performance.now()`. */
  readonly startedAt: number;
  readonly settings: Fleet["settings"];
  /** The model's name as the client asked for it, if another one runs. */
  readonly asked: string | undefined;
  /** Its trace, if requests are traced. */
  readonly trace: Trace | undefined;
  /** The response that is created, if one is. */
  readonly stored?: StoredAs | undefined;
}

/** Asks the server of a lease. Rejects only on a defect of the router's. */
export type Ask = (lease: Lease, request: RequestContext) => Promise<FirstAnswer>;

/** @param cutOff aborts when a stopping router stops waiting for requests in flight */
export function createAsk(connections: ClientPool, cutOff: AbortSignal): Ask {
  const isReachable = createConnectProbe();
  // Each listener on a signal makes the next one more expensive.
  const cutOffs = new Callbacks();
  cutOff.addEventListener("abort", () => [...cutOffs].forEach((cut) => cut()));
  let count = 0;

  return (lease, request) => {
    const { id, client, departure, path, leg, rewrite, asked } = request;
    const { reply, room, startedAt, settings, trace } = request;
    const { server, server: { config } } = lease;
    // A server derives its own id from this one, and two requests in flight must not share one.
    const attemptId = `${id}-${(count++).toString(36)}`;
    const { proxy = config.url } = config;
    const traced = trace?.attempt(lease, reply.state === "begun");
    const headers = headersForAttempt(request.headers, attemptId, config.apiKey, traced?.headers);
    const { stored } = request;
    const body = request.method === "POST" && stored?.id !== undefined && reply.state === "opened"
      ? withId(leg.bodyFor(server), stored.id)
      : leg.bodyFor(server);
    const opened = connections.open(config, {
      method: request.method,
      path,
      headers: rewrite ? rewrite.headersFor(headers, server) : headers,
      body: rewrite ? rewrite.bodyFor(body, server) : body,
    });
    const noted = stored ? noteId(opened, (id) => stored.note(id, server)) : opened;
    const answer = leg.tap(noted, server);
    const rewritten = rewrite ? rewrite.tap(answer) : answer;
    const attempt = new Attempt({
      upstream: asked === undefined ? rewritten : answerAs(asked, rewritten),
      departure,
      deadlines: (onExpiry) =>
        watchDeadlines(
          limitsOf(settings, lease, { startedAt, cutOffs }),
          (withinMs) => isReachable(proxy, withinMs),
          onExpiry,
        ),
    });
    const served = settings.debugHeaders
      ? { server: config.name, decision: lease.decision }
      : undefined;
    const headFor = (server: FieldMap): Head =>
      headersForClient(server, headersOf(request, client, served));
    const first = firstAnswer(attempt, { path, room, reply, headFor });
    const answered = traced?.answered;
    return answered
      ? first.then((found) => (answered(attempt.status, found.answer?.isStream === true), found))
      : first;
  };
}
