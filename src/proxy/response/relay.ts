import type { Outcome } from "../../fleet/outcome.ts";
import type { AnswerFacts, Attempt } from "../attempt/attempt.ts";
import type { Answer } from "../attempt/first_answer.ts";
import type { Expiry } from "../attempt/outcome.ts";
import { type StreamState, type StreamWatch, watchStream } from "../sse/stream_watch.ts";
import { startTimer, stopTimer, type Timer } from "../../util/timers.ts";
import type { Reply } from "./reply.ts";

/** An event stream that broke off, whose client still reads. */
export interface Broken {
  /** Why the router aborted it, if it did. */
  readonly expired: Expiry | undefined;
  /** The server's own error, as an event, if it sent one. */
  readonly error: Uint8Array<ArrayBuffer> | undefined;
  /** The last bytes that the client was sent. */
  readonly tail: Uint8Array<ArrayBuffer>;
}

/** The result of relaying an answer. */
export interface Relayed {
  readonly outcome: Outcome;
  /** Its end is yet to be sent: the rest of the answer, or an error. */
  readonly broken: Broken | undefined;
  /** Bytes of the body that were passed on. */
  readonly bytes: number;
  readonly chunks: number;
  /** The bytes of the last few chunks. */
  readonly tail: Uint8Array<ArrayBuffer>;
  /** Why the choices of an event stream ended, `undefined` for other answers. */
  readonly finishReasons: readonly string[] | undefined;
}

export interface RelayOptions {
  /** Called for each chunk after the first with the time since the chunk before it. */
  readonly onNext: (gapMs: number) => void;
  /** Whether a server's own error is left to the caller. @default false */
  readonly holdsErrors?: boolean;
}

/** How long a server may send comments after its last event; it need not close the connection. */
const AFTER_END_MS = 1_000;

/**
 * Passes an answer on, each chunk as it arrives, at the client's pace. An event stream is complete
 * with its last event: what happens to the connection after that changes nothing. One that breaks
 * off, or ends with an error of its server, is left to the caller; any other answer that breaks off
 * ends with a closed connection, never with a clean end. Never throws.
 */
export async function relay(
  attempt: Attempt,
  { body, isStream, room, watch = watchStream(undefined) }: Pick<
    Answer,
    "body" | "isStream" | "room" | "watch"
  >,
  reply: Reply,
  { onNext, holdsErrors = false }: RelayOptions,
): Promise<Relayed> {
  let bytes = 0;
  let chunks = 0;
  let error: Uint8Array<ArrayBuffer> | undefined;
  let afterEnd: Timer | undefined;
  let passedAt = performance.now();
  let broken: unknown;
  let clientStalled = false;
  attempt.whenInterrupted(() => {
    // A client that stopped reading would not read an error event either.
    clientStalled = true;
    if (watch.state.kind === "ended") reply.end();
    else reply.breakOff();
  });
  const over = Promise.withResolvers<void>();
  const closeAfterEnd = () => {
    attempt.close();
    over.resolve();
  };
  try {
    let chunk = body.length > 0 && !attempt.isDropped ? body : await attempt.read();
    while (chunk) {
      if (chunks++ > 0 && isStream) {
        const now = performance.now();
        onNext(now - passedAt);
        passedAt = now;
      }
      const state = watch.see(chunk);
      if (state.kind === "aborted" || (holdsErrors && isServerError(state))) {
        const goodBytes = state.goodBytes ?? 0;
        if (state.kind === "ended") error = chunk.slice(goodBytes);
        bytes += goodBytes;
        if (goodBytes > 0) await reply.write(chunk.subarray(0, goodBytes));
        throw new Error("The server aborted the answer");
      }
      bytes += chunk.length;
      const isError = state.kind === "ended" && state.status !== undefined;
      const taken = isError ? reply.writeError(chunk) : reply.write(chunk);
      if (state.kind === "ended") afterEnd ??= startTimer(closeAfterEnd, AFTER_END_MS);
      await (afterEnd ? Promise.race([taken, over.promise]) : taken);
      if (chunks === 1) room.drop();
      chunk = await attempt.read();
    }
    if (!watch.isComplete) throw new Error("The stream ended before its last event");
  } catch (cause) {
    // With its last event the answer has reported its result itself.
    if (watch.state.kind !== "ended" || error) broken = cause;
  }
  stopTimer(afterEnd);
  const outcome = attempt.end(broken, factsOf(watch));
  const finishReasons = isStream ? watch.finishReasons : undefined;
  const relayed = { outcome, bytes, chunks, tail: watch.tail(), finishReasons };
  if (broken === undefined) reply.end();
  else if (outcome === "client_closed" || !isStream || clientStalled) reply.breakOff();
  else return { ...relayed, broken: { expired: attempt.expired, error, tail: relayed.tail } };
  return { ...relayed, broken: undefined };
}

function isServerError(state: StreamState): state is Extract<StreamState, { kind: "ended" }> {
  return state.kind === "ended" && (state.status ?? 0) >= 500;
}

function factsOf({ state }: StreamWatch): AnswerFacts {
  return {
    status: state.kind === "ended" ? state.status : undefined,
    isAborted: state.kind === "aborted",
  };
}
