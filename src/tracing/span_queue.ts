import type { Tracing } from "../config/tracing_settings.ts";
import type { Sent } from "./send_spans.ts";
import type { Span } from "./span.ts";

/** Why spans were lost. */
export type DropReason =
  /** More ended than the collector took. */
  | "queue_full"
  /** The collector refused them. */
  | "rejected"
  /** The router stopped before the collector took them. */
  | "shutdown";

/** What becomes of spans. */
export interface SpanListener {
  /** The collector took this many. */
  readonly spansExported: (count: number) => void;
  readonly spansDropped: (reason: DropReason, count: number) => void;
  /** An export failed, and the one before it had not. */
  readonly spansFailed: (why: string) => void;
  /** An export succeeded after some that failed, for this long. */
  readonly spansRecovered: (afterMs: number, lost: number) => void;
}

export interface SpanQueueOptions {
  /** Sends some to the collector. Must not reject. */
  readonly send: (spans: readonly Span[], signal: AbortSignal) => Promise<Sent>;
  readonly listener: SpanListener;
  /** Returns the limits in effect. Spans that are being sent count as held. */
  readonly limits: () => Pick<Tracing, "maxQueue" | "maxBatch" | "delayMs">;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Spans on their way to the collector. */
export interface SpanQueue {
  /** @param make makes the span, unless it is dropped */
  add(make: () => Span): void;
  /** Sends what is left, for this long, and drops the rest. */
  stop(withinMs: number): Promise<void>;
}

/** The wait after a first failure; it doubles with each further one. */
const FIRST_WAIT_MS = 1_000;
/** The longest wait, whatever the collector asks for. */
const LONGEST_WAIT_MS = 30_000;

/**
 * Creates a queue that sends spans in batches, one at a time. A batch that the collector may take
 * later stays in the queue. If the queue is full, new spans are dropped and counted.
 */
export function createSpanQueue(options: SpanQueueOptions): SpanQueue {
  const { send, listener, limits, random } = options;
  const stopping = new AbortController();
  let spans: Span[] = [];
  let sending: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  let failures = 0;
  let failedAt = 0;
  let lost = 0;
  /** No export before this time, on the clock of `performance.now()`. */
  let notBefore = 0;

  function drop(reason: DropReason, count: number): void {
    if (count === 0) return;
    listener.spansDropped(reason, count);
    if (failures > 0) lost += count;
  }

  function failed(why: string): void {
    if (failures++ > 0) return;
    failedAt = performance.now();
    lost = 0;
    listener.spansFailed(why);
  }

  function recovered(): void {
    if (failures === 0) return;
    failures = 0;
    listener.spansRecovered(performance.now() - failedAt, lost);
  }

  function waitAfter(asked: number | undefined): number {
    const own = FIRST_WAIT_MS * 2 ** Math.min(failures - 1, 10) * (1 + random());
    return Math.min(Math.max(asked ?? own, FIRST_WAIT_MS), LONGEST_WAIT_MS);
  }

  /** Sends the oldest spans. They stay in the queue meanwhile, and count. */
  async function sendBatch(): Promise<Sent["kind"]> {
    const sent = spans.slice(0, limits().maxBatch);
    const answer = await send(sent, stopping.signal);
    if (answer.kind === "later") {
      failed(answer.why);
      notBefore = performance.now() + waitAfter(answer.afterMs);
      return answer.kind;
    }
    spans = spans.slice(sent.length);
    if (answer.kind === "refused") {
      failed(answer.why);
      drop("rejected", sent.length);
      return answer.kind;
    }
    const rejected = Math.min(answer.rejected, sent.length);
    if (rejected > 0) failed(`it rejected ${rejected} spans: ${answer.why}`);
    else recovered();
    drop("rejected", rejected);
    if (rejected < sent.length) listener.spansExported(sent.length - rejected);
    return answer.kind;
  }

  function schedule(): void {
    if (sending || isStopped || spans.length === 0) return;
    const { maxBatch, delayMs } = limits();
    const wait = Math.max(spans.length >= maxBatch ? 0 : delayMs, notBefore - performance.now());
    if (wait > 0) {
      timer ??= setTimeout(start, wait);
      return;
    }
    start();
  }

  function start(): void {
    clearTimeout(timer);
    timer = undefined;
    sending = sendBatch().then(() => {
      sending = undefined;
      schedule();
    });
  }

  return {
    add(make) {
      const { maxQueue, maxBatch } = limits();
      if (isStopped) return drop("shutdown", 1);
      if (spans.length >= maxQueue) return drop("queue_full", 1);
      spans.push(make());
      // The first starts the timer, and a full batch doesn't wait for it.
      if (timer === undefined || spans.length === maxBatch) schedule();
    },
    async stop(withinMs) {
      if (isStopped) return;
      isStopped = true;
      clearTimeout(timer);
      const limit = setTimeout(
        () => stopping.abort(new Error("the router stops")),
        withinMs,
      );
      await sending;
      while (spans.length > 0 && !stopping.signal.aborted && await sendBatch() !== "later");
      clearTimeout(limit);
      drop("shutdown", spans.length);
      spans = [];
    },
  };
}
