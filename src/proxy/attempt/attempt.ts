import type { Fetch } from "../../http/fetch.ts";
import { isFailure, type Outcome } from "../../fleet/outcome.ts";
import { failureIn } from "../../http/fetch_error.ts";
import type { Room } from "../admission.ts";
import { type ClientError, clientErrorIn, isShutdown } from "../../vllm/error_shape.ts";
import type { Early, Head } from "../response/early_head.ts";
import { type Held, holdBody, holdEvents, holdFirst } from "./hold_back.ts";
import { type Expiry, isRedirect } from "./outcome_of.ts";
import { type Dialect, dialectOf, isGivenUp } from "../../vllm/stream_events.ts";
import type { StreamWatch } from "../sse/stream_watch.ts";
import { isEventStream, openUpstream, type Upstream, type UpstreamRequest } from "./upstream.ts";

/** A server's answer, as far as it was held back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** It is a stream of events. */
  readonly isStream: boolean;
  /** The whole body, or its beginning where `rest` has more. */
  readonly body: Uint8Array<ArrayBuffer>;
  readonly rest: Upstream | undefined;
  /** Taken for what is held of it. */
  readonly room: Room;
  /** What watches the events that are yet to come, where there are any. */
  readonly watch?: StreamWatch | undefined;
}

/** How an attempt went: an answer, a failure, or a failure that came as an answer. */
export interface Attempted {
  readonly outcome: Outcome;
  readonly answer: Answer | undefined;
  /** Why the router gave it up, if it did. */
  readonly expired: Expiry | undefined;
  /** It broke off after what its server says before its engine begins. */
  readonly afterPreamble?: boolean;
  /** What broke it, in the runtime's words. */
  readonly error?: string | undefined;
  /** What kind of client error it is, where it is one. */
  readonly clientError?: ClientError | undefined;
}

/** What is left to say where the client went away before any server was asked. */
export const LEFT: Attempted = { outcome: "client_closed", answer: undefined, expired: undefined };

/** One server is asked. */
export interface AttemptRequest extends UpstreamRequest {
  /** As `fetch`, over a new connection. */
  readonly fetchFresh: Fetch;
  /** What was asked, with its query. */
  readonly path: string;
  /** For what is held of its answer. */
  readonly room: Room;
  /** Takes what the client may get before the first token. */
  readonly early: Early;
  /** The head that goes with it. */
  readonly headFor: (server: Headers) => Head;
}

/** A connection that broke after a longer time had not been idle before. */
const IDLE_RESET_MS = 1_000;
/** The head of a stream whose first token takes longer is sent ahead of it. */
const EARLY_HEAD_MS = 1_000;

/**
 * Asks one server and waits until its answer is worth passing on: a stream's first token, or the
 * whole of any other answer that is not too long. A connection that breaks at once may
 * have been idle for too long: the server is asked again over a fresh one before that is held
 * against it. Never throws.
 */
export async function attempt(request: AttemptRequest): Promise<Attempted> {
  const startedAt = performance.now();
  const attempted = await send(request);
  const idleReset = attempted.outcome === "reset" &&
    performance.now() - startedAt < IDLE_RESET_MS;
  return idleReset ? await send({ ...request, fetch: request.fetchFresh }) : attempted;
}

async function send(request: AttemptRequest): Promise<Attempted> {
  const upstream = openUpstream(request);
  const dialect = dialectOf(request.path);
  let afterPreamble = false;
  const onPreamble = () => void (afterPreamble = true);
  try {
    const { status, headers } = await upstream.head();
    // A redirect would tell where the server is, and is no answer to a client.
    if (status < 200 || status > 599 || isRedirect(status)) {
      throw new Error(`${status} is no status of an answer`);
    }
    const held = await hold(upstream, status, headers, dialect, { ...request, onPreamble });
    const isStream = held.watch !== undefined;
    const outcome = upstream.outcomeOf(undefined, {
      status: held.errorStatus,
      isGivenUp: held.isGivenUp || (status === 200 && !held.rest && isGivenUp(held.body, dialect)),
      isShutdown: (held.errorStatus ?? status) === 500 && isShutdown(held.body),
    });
    upstream.begun();
    const { body, rest, watch } = held;
    const answer = { status, headers, isStream, body, rest, room: request.room, watch };
    if (!isFailure(outcome)) {
      const clientError = outcome === "client_error" && !isStream
        ? clientErrorIn(status, body)
        : undefined;
      return { outcome, answer, expired: undefined, clientError };
    }
    // The rest of a failure isn't worth a connection; an event that tells of one is whole.
    upstream.close();
    const isWhole = outcome !== "aborted" && (!rest || held.errorStatus !== undefined);
    const whole = isWhole ? { ...answer, rest: undefined } : undefined;
    return { outcome, answer: whole, expired: undefined };
  } catch (error) {
    upstream.close();
    return {
      outcome: upstream.outcomeOf(error),
      answer: undefined,
      expired: upstream.expired,
      error: failureIn(error),
      afterPreamble,
    };
  }
}

/** Holds back as much of an answer as may still be replaced by another server's. */
async function hold(
  upstream: Upstream,
  status: number,
  headers: Headers,
  dialect: Dialect,
  { early, room, headFor, onPreamble }: AttemptRequest & { readonly onPreamble: () => void },
): Promise<Held> {
  if (status >= 400) return await holdBody(upstream, room);
  if (!isEventStream(headers)) {
    return await (isPassedAsItComes(headers) ? holdFirst(upstream) : holdBody(upstream, room));
  }
  const open = () => early.open(() => headFor(headers));
  const timer = setTimeout(open, EARLY_HEAD_MS);
  // What one server said before its engine began isn't said again by the next.
  const { hasPreamble } = early;
  try {
    return await holdEvents(upstream, dialect, {
      pass(bytes, kind) {
        if (kind === "preamble") {
          onPreamble();
          if (hasPreamble) return;
        }
        open();
        early.pass(bytes, kind);
      },
    }, room);
  } finally {
    clearTimeout(timer);
  }
}

/** Answers of unknown length that aren't JSON are streams: of lines, of text, of audio. */
function isPassedAsItComes(headers: Headers): boolean {
  const type = headers.get("content-type")?.toLowerCase() ?? "";
  return !headers.has("content-length") && !/^application\/(?:[\w.-]+\+)?json\b/.test(type);
}
