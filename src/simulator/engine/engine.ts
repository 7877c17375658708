import type { Clock } from "./clock.ts";
import type { EngineOptions } from "./engine_options.ts";
import { copyReport, type EngineReport } from "./engine_report.ts";
import { KvCache } from "./kv_cache.ts";
import { stepDurationMs } from "./pace.ts";
import { Scheduler, type Step } from "./scheduler.ts";
import {
  appendToken,
  createSequence,
  type FinishReason,
  type Sequence,
  type SequenceRequest,
  tokenCount,
} from "./sequence.ts";
import {
  createStatistics,
  observe,
  recordAdmission,
  recordEnd,
  recordToken,
} from "./statistics.ts";
import { type Outlook, outlookFor } from "./outlook.ts";

/**
 * A continuous-batching engine. It runs one step after another; each step generates one token for
 * every sequence whose tokens are all computed. Steps follow the clock's time, not its timers: when
 * a timer fires late, several steps end at once and the pace is kept.
 */
export class Engine {
  readonly cache: KvCache;
  readonly statistics = createStatistics();
  /** Factor that lengthens every step, starting with the next one. */
  slowdown = 1;
  readonly #options: EngineOptions;
  readonly #clock: Clock;
  readonly #scheduler: Scheduler;
  #step: (Step & { readonly durationMs: number; endsAtMs: number }) | null = null;
  #stalled = false;
  #lastReport: EngineReport | undefined;
  #cancelTimer: () => void = () => {};

  constructor(options: EngineOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.cache = new KvCache(options.kvBlocks, options.blockSize);
    this.#scheduler = new Scheduler(options.maxNumSeqs, this.cache, options.maxNumBatchedTokens);
    if (options.metricsAtStepEnd) this.#lastReport = copyReport(this);
  }

  /** The engine state that /metrics reports: without a step under way, the current one. */
  get report(): EngineReport {
    return this.#step === null ? this : this.#lastReport ?? this;
  }

  get running(): number {
    return this.#scheduler.running.length;
  }

  get waiting(): number {
    return this.#scheduler.waiting.length;
  }

  get preemptions(): number {
    return this.#scheduler.preemptions;
  }

  /** Returns what a prompt with these full blocks would find now, in more detail than /metrics. */
  inspect(blockHashes: readonly number[]): Outlook {
    const now = this.#clock.now();
    this.#advance(now);
    const stepLeftMs = this.#step === null ? 0 : Math.max(0, this.#step.endsAtMs - now);
    const outlook = outlookFor(blockHashes, this.#scheduler, this.cache);
    return { ...outlook, stepLeftMs, slowdown: this.slowdown };
  }

  /** Queues a request. Its callbacks run in later steps, never within this call. */
  add(request: SequenceRequest): Sequence {
    const now = this.#clock.now();
    this.#advance(now);
    const sequence = createSequence(request, now, this.cache.blockSize);
    this.#scheduler.enqueue(sequence);
    if (this.#step === null) this.#resume(now);
    return sequence;
  }

  /** Ends a sequence at once, running or waiting. Does nothing if it has already ended. */
  abort(sequence: Sequence): void {
    if (sequence.ended) return;
    this.#end(sequence, "abort", this.#clock.now());
    // A waiting sequence may need the freed place while no step is under way, or only a step that
    // will never end.
    const idle = this.#step === null ||
      this.#stalled && this.#step.sequences.every(({ ended }) => ended);
    if (idle) this.#resume(this.#clock.now());
  }

  abortAll(): void {
    for (const sequence of this.#scheduler.all()) this.abort(sequence);
  }

  /** Keeps the step under way from ending until called with false. */
  setStalled(stalled: boolean): void {
    if (stalled === this.#stalled) return;
    const now = this.#clock.now();
    this.#advance(now);
    this.#stalled = stalled;
    if (!stalled && this.#step !== null) {
      this.#step.endsAtMs = now + this.#step.durationMs;
    }
    this.#setTimer();
  }

  /** Neither schedules nor counts sequences added from now on, until called with false. */
  setDeaf(deaf: boolean): void {
    this.#scheduler.setDeaf(deaf);
    if (!deaf && this.#step === null) this.#resume(this.#clock.now());
  }

  /** Aborts everything and empties the KV cache. */
  sleep(): void {
    this.abortAll();
    this.cache.clear();
  }

  /** Aborts everything and cancels the timer. */
  close(): void {
    this.abortAll();
    this.#cancelTimer();
  }

  /** Starts a step when none is under way, or when every sequence of the current one has ended. */
  #resume(now: number): void {
    this.#startStep(now);
    this.#setTimer();
  }

  /** Ends every step that is due. Each step starts at the moment the previous one ended. */
  #advance(now: number): void {
    while (this.#step !== null && !this.#stalled && this.#step.endsAtMs <= now) {
      const { endsAtMs } = this.#step;
      this.#endStep(this.#step, endsAtMs);
      this.#startStep(endsAtMs);
    }
  }

  #setTimer(): void {
    this.#cancelTimer();
    if (this.#step === null || this.#stalled) return;
    this.#cancelTimer = this.#clock.schedule(this.#step.endsAtMs, () => {
      this.#advance(this.#clock.now());
      this.#setTimer();
    });
  }

  #startStep(now: number): void {
    const step = this.#scheduler.planStep();
    this.#step = null;
    if (step === null) return;
    for (const sequence of step.sequences) {
      if (sequence.admittedAtMs !== null) continue;
      sequence.admittedAtMs = now;
      recordAdmission(this.statistics, sequence, now);
    }
    const durationMs = stepDurationMs(step, this.#options, this.slowdown);
    this.#step = { ...step, durationMs, endsAtMs: now + durationMs };
  }

  #endStep(step: Step, now: number): void {
    observe(this.statistics.iterationTokens, step.totalTokens);
    for (const sequence of step.sequences) {
      if (sequence.ended) continue;
      sequence.computed += sequence.scheduled;
      sequence.scheduled = 0;
      if (sequence.computed === tokenCount(sequence)) this.#emit(sequence, now);
    }
    if (this.#options.metricsAtStepEnd) this.#lastReport = copyReport(this);
  }

  /** Generates the next token of a sequence whose tokens are all computed. */
  #emit(sequence: Sequence, now: number): void {
    const { request, generated } = sequence;
    recordToken(this.statistics, sequence, now);
    sequence.lastTokenAtMs = now;
    if (request.length > 0) {
      const token = request.nextToken();
      appendToken(sequence, token);
      request.onToken(token);
    }
    // `onToken` may have aborted the sequence.
    if (generated.length >= request.length && !sequence.ended) {
      this.#end(sequence, request.lengthReason, now);
    }
  }

  #end(sequence: Sequence, reason: FinishReason, now: number): void {
    this.#scheduler.remove(sequence);
    recordEnd(this.statistics, sequence, reason, now);
    sequence.request.onFinish(reason);
  }
}
