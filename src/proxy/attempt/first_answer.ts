import type { ClientError } from "../../vllm/error_shape.ts";
import { clientErrorIn, isShutdown } from "../../vllm/error_shape.ts";
import { type Dialect, dialectOf, isGivenUp } from "../../vllm/stream_events.ts";
import { isFailure, type Outcome } from "../../fleet/outcome.ts";
import type { Head } from "../../http/exchange.ts";
import { failureIn } from "../../http/fetch_error.ts";
import { isEventStream } from "../../http/fetch_upstream.ts";
import type { Room } from "../admission.ts";
import type { Reply } from "../response/reply.ts";
import type { StreamWatch } from "../sse/stream_watch.ts";
import { startTimer, stopTimer } from "../../util/timers.ts";
import type { Attempt } from "./attempt.ts";
import { type Held, holdBody, holdEvents, holdFirst } from "./hold_back.ts";
import { type Expiry, isRedirect } from "./outcome.ts";

/** A server's answer, as far as it was held back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** It is a stream of events. */
  readonly isStream: boolean;
  /** The whole body, or its beginning. */
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where more may come. */
  readonly rest: Attempt | undefined;
  /** Taken for what is held of it. */
  readonly room: Room;
  /** Reads the events that are yet to come, where there are any. */
  readonly watch?: StreamWatch | undefined;
}

/** What an attempt brought: an answer, a failure, or a failure that came as an answer. */
export interface FirstAnswer {
  /** As far as it has come; final unless the answer goes on. */
  readonly outcome: Outcome;
  readonly answer: Answer | undefined;
  /** Why the router gave it up, if it did. */
  readonly expired: Expiry | undefined;
  /** It broke off after what its server sends before its engine begins. */
  readonly afterPreamble?: boolean;
  /** What broke it, in the runtime's words. */
  readonly error?: string | undefined;
  /** What kind of client error it is, if it is one. */
  readonly clientError?: ClientError | undefined;
}

/** What the wait for an answer depends on besides the attempt. */
export interface FirstAnswerOptions {
  /** What was asked, with its query. */
  readonly path: string;
  /** For what is held of the answer. */
  readonly room: Room;
  /** Takes what the client may get before the first token. */
  readonly reply: Pick<Reply, "hasPreamble" | "open" | "pass">;
  /** The head that goes with it. */
  readonly headFor: (server: Headers) => Head;
}

/** The head of a stream whose first token takes longer is sent ahead of it. */
const EARLY_HEAD_MS = 1_000;

/**
 * Waits until an attempt's answer is worth passing on: a stream's first token, or the whole of any
 * other answer that is not too long. Never throws.
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
    // A redirect would tell where the server is, and is no answer to a client.
    if (status < 200 || status > 599 || isRedirect(status)) {
      throw new Error(`${status} is no status of an answer`);
    }
    const held = await hold(attempt, status, headers, dialect, { ...options, onPreamble });
    const { body, rest, watch } = held;
    const isStream = watch !== undefined;
    const told = {
      status: held.errorStatus,
      isGivenUp: held.isGivenUp || (status === 200 && !rest && isGivenUp(body, dialect)),
      isShutdown: (held.errorStatus ?? status) === 500 && isShutdown(body),
    };
    const outcome = attempt.judge(told);
    const answer = { status, headers, isStream, body, rest, room, watch };
    if (!isFailure(outcome)) {
      if (rest) attempt.begin();
      else attempt.end(undefined, told);
      const clientError = outcome === "client_error" && !isStream
        ? clientErrorIn(status, body)
        : undefined;
      return { outcome, answer, expired: undefined, clientError };
    }
    // The rest of a failure isn't worth a connection; an event that reports one is whole.
    attempt.end(undefined, told);
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

/** Holds back as much of an answer as may still be replaced by another server's. */
async function hold(
  attempt: Attempt,
  status: number,
  headers: Headers,
  dialect: Dialect,
  { reply, room, headFor, onPreamble }: FirstAnswerOptions & { readonly onPreamble: () => void },
): Promise<Held<Attempt>> {
  if (status >= 400) return await holdBody(attempt, room);
  if (!isEventStream(headers)) {
    return await (isPassedAsItComes(headers) ? holdFirst(attempt) : holdBody(attempt, room));
  }
  const open = () => reply.open(() => headFor(headers));
  const timer = startTimer(open, EARLY_HEAD_MS);
  // What one server said before its engine began isn't said again by the next.
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

/** Answers of unknown length that aren't JSON are streams: of lines, of text, of audio. */
function isPassedAsItComes(headers: Headers): boolean {
  const type = headers.get("content-type")?.toLowerCase() ?? "";
  return !headers.has("content-length") && !/^application\/(?:[\w.-]+\+)?json\b/.test(type);
}
