import type { Outcome } from "../../fleet/outcome.ts";
import { BrokenAnswer } from "../../http/broken_answer.ts";
import { type ApiError, errorEvent } from "../../http/api_errors.ts";
import type { Expiry } from "../attempt/outcome_of.ts";
import type { StreamWatch } from "../sse/stream_watch.ts";
import type { Told, Upstream } from "../attempt/upstream.ts";

/** What of an answer reached the client. */
export interface Passed {
  readonly bytes: number;
  readonly chunks: number;
  /** The bytes of the last few chunks. */
  readonly tail: Uint8Array<ArrayBuffer>;
}

export interface RelayOptions {
  /** The answer's first bytes, which were held back. */
  readonly held: Uint8Array<ArrayBuffer>;
  readonly rest: Upstream;
  /** Reads what the answer says of its end. */
  readonly watch: StreamWatch;
  /** It is a stream of events. */
  readonly isStream: boolean;
  readonly clientGone: AbortSignal;
  /** What to tell the client of an event stream that broke. */
  readonly errorFor: (expired: Expiry | undefined) => ApiError;
  /** Called when the client has taken what was held. */
  readonly onHeldTaken: () => void;
  /** Hears of each chunk after the first, how long after the one before it came. */
  readonly onNext: (gapMs: number) => void;
  /** Called once, however it ends. */
  readonly onEnd: (outcome: Outcome, passed: Passed) => void;
}

/** A server may send comments behind the last event, and need not close: it has so long for that. */
const AFTER_END_MS = 1_000;

/**
 * Passes an answer on, each chunk when it arrives. An event stream is over with its last event:
 * whatever happens to the connection after that changes nothing. An answer that breaks ends in an
 * error event, if it is a stream of events, and a closed connection: never with a clean end.
 */
export function relay(
  options: RelayOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { rest, watch, isStream, clientGone, onHeldTaken, onNext, onEnd } = options;
  let held: Uint8Array<ArrayBuffer> | undefined = options.held;
  let bytes = 0;
  let chunks = 0;
  let isOver = false;
  let afterEnd: ReturnType<typeof setTimeout> | undefined;
  let passedAt = performance.now();

  function end(outcome: Outcome) {
    if (isOver) return;
    isOver = true;
    clearTimeout(afterEnd);
    clientGone.removeEventListener("abort", leave);
    if (outcome !== "ok") rest.close();
    onEnd(outcome, { bytes, chunks, tail: watch.tail() });
  }
  function leave() {
    if (watch.state.kind === "ended") return endAsTold();
    end("client_closed");
  }
  /** The answer itself has told how it went. */
  function endAsTold() {
    rest.close();
    end(rest.outcomeOf(undefined, toldBy(watch)));
  }
  clientGone.addEventListener("abort", leave);

  // Plain callbacks, made once: they run for every token, and an async function costs as much again.
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let reading = false;
  rest.whenExpired(() => {
    if (reading || isOver) return;
    const broken = new BrokenAnswer(rest.expired);
    end(rest.outcomeOf(broken));
    controller.error(broken);
  });
  function pass(chunk: Uint8Array<ArrayBuffer> | undefined) {
    reading = false;
    if (isOver) return;
    if (!chunk) return atEnd();
    if (chunks++ > 0) {
      const now = performance.now();
      onNext(now - passedAt);
      passedAt = now;
    }
    const state = watch.see(chunk);
    if (state.kind === "given_up") {
      return breakOff(new BrokenAnswer("given up"), chunk.subarray(0, state.goodBytes));
    }
    bytes += chunk.length;
    controller.enqueue(chunk);
    // A client that has gone is noticed right there.
    if (isOver) return;
    if (state.kind === "ended") afterEnd ??= setTimeout(closeAfterEnd, AFTER_END_MS);
  }
  function closeAfterEnd() {
    endAsTold();
    controller.close();
  }
  function atEnd() {
    if (watch.isComplete) {
      end(rest.outcomeOf(undefined, toldBy(watch)));
      controller.close();
    } else {
      breakOff(new Error("The stream ended before its last event"));
    }
  }
  function breakOff(error: unknown, good?: Uint8Array<ArrayBuffer>) {
    reading = false;
    if (isOver) return;
    if (watch.state.kind === "ended") return closeAfterEnd();
    const outcome = rest.outcomeOf(error, toldBy(watch));
    end(outcome);
    if (outcome === "client_closed" || !isStream) {
      throw new BrokenAnswer(outcome);
    }
    if (good?.length) controller.enqueue(good);
    controller.enqueue(errorEvent(options.errorFor(rest.expired)));
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (started) => void (controller = started),
    pull() {
      if (isOver) throw new BrokenAnswer("It is over");
      if (!held?.length) {
        if (chunks === 1) onHeldTaken();
        reading = true;
        return rest.read().then(pass, breakOff);
      }
      const first = held;
      held = undefined;
      pass(first);
    },
    cancel: leave,
  }, { highWaterMark: 0 });
}

function toldBy({ state }: StreamWatch): Told {
  return {
    status: state.kind === "ended" ? state.status : undefined,
    isGivenUp: state.kind === "given_up",
  };
}
