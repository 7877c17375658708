import { isFailure, type Outcome } from "../fleet/outcome.ts";
import { type Expiry, isRedirect } from "./outcome_of.ts";
import { holdBody, holdEvent } from "./hold.ts";
import { openUpstream, type Upstream, type UpstreamRequest } from "./upstream.ts";

/** A server's answer, as far as it was held back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** It is a stream of events. */
  readonly isStream: boolean;
  /** The whole body, or its beginning where `rest` has more. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly rest: Upstream | undefined;
}

/** How an attempt went: an answer, a failure, or a failure that came as an answer. */
export interface Attempted {
  readonly outcome: Outcome;
  readonly answer: Answer | undefined;
  /** Why the router gave it up, if it did. */
  readonly expired: Expiry | undefined;
}

/** What is left to say where the client went away before any server was asked. */
export const LEFT: Attempted = { outcome: "client_closed", answer: undefined, expired: undefined };

/** One server is asked, with a second client whose every connection is a new one. */
export interface AttemptRequest extends UpstreamRequest {
  readonly freshClient: Deno.HttpClient;
}

/** A connection that broke after a longer time had not been idle before. */
const IDLE_RESET_MS = 1_000;

/**
 * Asks one server and waits until its answer is worth passing on: a stream's first event, or the
 * whole of any other answer that is not too long. A connection that breaks at once may
 * have been idle for too long: the server is asked again over a fresh one before that is held
 * against it. Never throws.
 */
export async function attempt(request: AttemptRequest): Promise<Attempted> {
  const startedAt = performance.now();
  const attempted = await send(request);
  const idleReset = attempted.outcome === "reset" &&
    performance.now() - startedAt < IDLE_RESET_MS;
  return idleReset ? await send({ ...request, client: request.freshClient }) : attempted;
}

async function send(request: UpstreamRequest): Promise<Attempted> {
  const upstream = openUpstream(request);
  try {
    const { status, headers } = await upstream.head();
    // A redirect would tell where the server is, and is no answer to a client.
    if (status < 200 || status > 599 || isRedirect(status)) {
      throw new Error(`${status} is no status of an answer`);
    }
    const isEvents = isEventStream(headers);
    const mayBegin = isEvents && !isFailure(upstream.outcomeOf());
    if (mayBegin) request.onStreamHead?.();
    const held = mayBegin ? await holdEvent(upstream) : await holdBody(upstream);
    const outcome = upstream.outcomeOf(undefined, held.errorStatus);
    const answer = { status, headers, isStream: isEvents, body: held.body, rest: held.rest };
    upstream.begun();
    if (!isFailure(outcome)) return { outcome, answer, expired: undefined };
    // The rest of a failure isn't worth a connection; an event that tells of one is whole.
    upstream.close();
    const isWhole = !held.rest || held.errorStatus !== undefined;
    const whole = isWhole ? { ...answer, rest: undefined } : undefined;
    return { outcome, answer: whole, expired: undefined };
  } catch (error) {
    upstream.close();
    return { outcome: upstream.outcomeOf(error), answer: undefined, expired: upstream.expired };
  }
}

function isEventStream(headers: Headers): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("text/event-stream") ?? false;
}
