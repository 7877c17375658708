import type { Outcome } from "../fleet/outcome.ts";
import { concat } from "./bytes.ts";
import type { Expiry } from "./outcome_of.ts";
import { type ApiError, errorEvent } from "./errors.ts";
import type { Upstream } from "./upstream.ts";

/** Closes a client's connection without a clean end. */
export class BrokenAnswer extends Error {
  override name = "BrokenAnswer";
}

/** Chunks of which the last are kept: usage stands in them, and may be cut between two. */
const LAST_CHUNKS = 4;
/** Shorter ones are kept as part of the one before. */
const SHORT_CHUNK = 64;

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
  /** It is a stream of events. */
  readonly isStream: boolean;
  readonly clientGone: AbortSignal;
  /** What to tell the client of an event stream that broke. */
  readonly errorFor: (expired: Expiry | undefined) => ApiError;
  /** Hears of each chunk after the first, how long after the one before it came. */
  readonly onNext: (gapMs: number) => void;
  /** Whether an answer that ended cleanly is whole, by its last bytes. */
  readonly isWhole: (tail: Uint8Array<ArrayBuffer>) => boolean;
  /** Called once, however it ends. */
  readonly onEnd: (outcome: Outcome, passed: Passed) => void;
}

/**
 * Passes an answer on, each chunk when it arrives. An answer that breaks ends in an error event,
 * if it is a stream of events, and a closed connection: never with a clean end.
 */
export function relay(
  options: RelayOptions,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { rest, clientGone, onNext, onEnd } = options;
  let held: Uint8Array<ArrayBuffer> | undefined = options.held;
  let bytes = 0;
  let chunks = 0;
  let kept = 0;
  let ended: Outcome | undefined;
  let passedAt = performance.now();
  const last: Uint8Array<ArrayBuffer>[] = [];

  function end(outcome: Outcome) {
    if (ended) return;
    ended = outcome;
    clientGone.removeEventListener("abort", leave);
    if (outcome !== "ok") rest.close();
    onEnd(outcome, { bytes, chunks, tail: concat(inOrder(last, kept)) });
  }
  function keep(chunk: Uint8Array<ArrayBuffer>) {
    const at = (kept + LAST_CHUNKS - 1) % LAST_CHUNKS;
    if (kept > 0 && last[at]!.length < SHORT_CHUNK) last[at] = concat([last[at]!, chunk]);
    else last[kept++ % LAST_CHUNKS] = chunk;
  }
  function leave() {
    end("client_closed");
  }
  clientGone.addEventListener("abort", leave);

  // Plain callbacks, made once: they run for every token, and an async function costs as much again.
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let reading = false;
  rest.whenExpired(() => {
    if (reading || ended) return;
    const broken = new BrokenAnswer(rest.expired);
    end(rest.outcomeOf(broken));
    controller.error(broken);
  });
  function pass(chunk: Uint8Array<ArrayBuffer> | undefined) {
    reading = false;
    if (chunk) {
      if (chunks++ > 0) {
        const now = performance.now();
        onNext(now - passedAt);
        passedAt = now;
      }
      bytes += chunk.length;
      keep(chunk);
      controller.enqueue(chunk);
    } else if (options.isWhole(concat(inOrder(last, kept)))) {
      end("ok");
      controller.close();
    } else {
      breakOff(new Error("The stream ended before its last event"));
    }
  }
  function breakOff(error: unknown) {
    reading = false;
    const outcome = rest.outcomeOf(error);
    end(outcome);
    if (outcome === "client_closed" || !options.isStream) {
      throw new BrokenAnswer(outcome);
    }
    controller.enqueue(errorEvent(options.errorFor(rest.expired)));
  }

  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (started) => void (controller = started),
    pull() {
      if (ended) throw new BrokenAnswer(ended);
      if (!held) {
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

/** The chunks of a ring that `count` were written to, oldest first. */
function inOrder(
  ring: readonly Uint8Array<ArrayBuffer>[],
  count: number,
): Uint8Array<ArrayBuffer>[] {
  const oldest = count % LAST_CHUNKS;
  return count <= LAST_CHUNKS ? [...ring] : [...ring.slice(oldest), ...ring.slice(0, oldest)];
}
