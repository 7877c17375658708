import type { FieldMap } from "../../http/field_map.ts";
import type { ClientError } from "../../vllm/error_shape.ts";
import { clientErrorIn, isShutdown, lacksPath } from "../../vllm/error_shape.ts";
import { type Dialect, dialectOf, wasAborted } from "../../vllm/stream_events.ts";
import { isFailure, type Outcome } from "../../fleet/outcome.ts";
import type { Head } from "../../http/exchange.ts";
import { failureIn } from "../../http/fetch_error.ts";
import { isEventStream } from "../../http/event_stream.ts";
import type { Room } from "../admission.ts";
import type { Reply } from "../response/reply.ts";
import type { StreamWatch } from "../sse/stream_watch.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import type { Attempt } from "./attempt.ts";
import { type Held, holdBody, holdEvents, holdFirst } from "./hold_back.ts";
import { type Expiry, isRedirect } from "./outcome.ts";

/** A server's answer, up to where it is held back. */
export interface Answer {
  readonly status: number;
  readonly headers: FieldMap;
  /** It is an event stream. */
  readonly isStream: boolean;
  /** The whole body, or its beginning. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** The attempt to read the rest from, if more may come. */
  readonly rest: Attempt | undefined;
  /** The memory reserved for the buffered bytes. */
  readonly room: Room;
  /** Watches the remaining events, if any. */
  readonly watch?: StreamWatch | undefined;
}

/** The result of an attempt: an answer, a failure, or a failure that came as an answer. */
export interface FirstAnswer {
  /** The outcome so far; final unless the answer goes on. */
  readonly outcome: Outcome;
  readonly answer: Answer | undefined;
  /** Why the router aborted it, if it did. */
  readonly expired: Expiry | undefined;
  /** It broke off after events that precede the engine's work. */
  readonly afterPreamble?: boolean;
  /** The runtime's message for what broke it. */
  readonly error?: string | undefined;
  /** The server doesn't have the path. */
  readonly lacksPath?: boolean;
  /** The client error, if it is one. */
  readonly clientError?: ClientError | undefined;
}

/** The dependencies of {@linkcode firstAnswer} besides the attempt. */
export interface FirstAnswerOptions {
  /** The path, with its query. */
  readonly path: string;
  /** The memory reserved for the buffered answer. */
  readonly room: Room;
  /** Sends the client what it may receive before the first token. */
  readonly reply: Pick<Reply, "hasPreamble" | "open" | "pass">;
  /** Returns the head to send with it. */
  readonly headFor: (server: FieldMap) => Head;
}

/** If a stream's first token takes longer than this, its head is sent ahead. */
const EARLY_HEAD_MS = 1_000;

/**
 * Waits until an attempt's answer can be passed on: an event stream's first token, or the whole of
 * any other answer up to a size limit. Never throws.
 */
export async function firstAnswer(
  attempt: Attempt,
  options: FirstAnswerOptions,
): Promise<FirstAnswer> {
  const { path, room } = options;
  const dialect = dialectOf(path);
  let afterPreamble = false;
  const onPreamble = () => void (afterPreamble = true);
  try {
    const { status, headers } = await attempt.head();
    // A redirect would reveal the server's address, and a client can't follow it.
    if (status < 200 || status > 599 || isRedirect(status)) {
      throw new Error(`${status} is no status of an answer`);
    }
    const held = await hold(attempt, status, headers, dialect, { ...options, onPreamble });
    const { body, rest, watch } = held;
    const isStream = watch !== undefined;
    const facts = {
      status: held.errorStatus,
      isAborted: held.isAborted || (status === 200 && !rest && wasAborted(body, dialect)),
      isShutdown: (held.errorStatus ?? status) === 500 && isShutdown(body),
    };
    const outcome = attempt.judge(facts);
    const answer = { status, headers, isStream, body, rest, room, watch };
    if (!isFailure(outcome)) {
      if (rest) attempt.begin();
      else attempt.end(undefined, facts);
      if (outcome !== "client_error" || isStream) return { outcome, answer, expired: undefined };
      const clientError = clientErrorIn(status, body);
      const more = { clientError, lacksPath: lacksPath(status, body) };
      return { outcome, answer, expired: undefined, ...more };
    }
    // The rest of a failure isn't worth a connection; an event that reports one is complete.
    attempt.end(undefined, facts);
    const isWhole = outcome !== "aborted" && (!rest || held.errorStatus !== undefined);
    const whole = isWhole ? { ...answer, rest: undefined } : undefined;
    return { outcome, answer: whole, expired: undefined };
  } catch (error) {
    return {
      outcome: attempt.end(error),
      answer: undefined,
      expired: attempt.expired,
      error: failureIn(error),
      afterPreamble,
    };
  }
}

/** Holds an answer back while another server's can still replace it. */
async function hold(
  attempt: Attempt,
  status: number,
  headers: FieldMap,
  dialect: Dialect,
  { reply, room, headFor, onPreamble }: FirstAnswerOptions & { readonly onPreamble: () => void },
): Promise<Held<Attempt>> {
  if (status >= 400) return await holdBody(attempt, room);
  if (!isEventStream(headers)) {
    return await (isPassedAsItComes(headers) ? holdFirst(attempt) : holdBody(attempt, room));
  }
  const open = () => reply.open(() => headFor(headers));
  const timer = startTimer(open, EARLY_HEAD_MS);
  // The client receives the events that precede the engine's work once, not once per server.
  const { hasPreamble } = reply;
  try {
    return await holdEvents(attempt, dialect, {
      pass(bytes, kind) {
        if (kind === "preamble") {
          onPreamble();
          if (hasPreamble) return;
        }
        open();
        reply.pass(bytes, kind);
      },
    }, room);
  } finally {
    stopTimer(timer);
  }
}

/** Answers without a length that aren't JSON are streams of lines, text or audio. */
function isPassedAsItComes(headers: FieldMap): boolean {
  const type = headers.get("content-type")?.toLowerCase() ?? "";
  return !headers.has("content-length") && !/^application\/(?:[\w.-]+\+)?json\b/.test(type);
}
