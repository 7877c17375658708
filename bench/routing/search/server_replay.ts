import type { EngineOptions } from "../../../src/simulator/engine/engine_options.ts";
import type { Outlook } from "../../../src/simulator/engine/outlook.ts";
import { type Active, begin, blocksFor, tokenCount } from "./active.ts";
import { Batch, type BatchState } from "./batch.ts";
import type { Job } from "./jobs.ts";
import { outlookFor } from "./outlook.ts";

/** Sums over the requests so far, in milliseconds. */
export interface Sums {
  /** Times to first token. */
  readonly firstTokenMs: number;
  /** Times to the end of the answer, each over its tokens. */
  readonly perTokenMs: number;
}

/** A replay at one moment. */
export interface ReplayState {
  readonly batch: BatchState;
  readonly stepEndsMs: number;
  readonly sums: Sums;
}

/**
 * One server's replay. It takes the same steps as the simulator's engine, at the same times, but it
 * can be saved and restored, and it takes the steps of a batch that only decodes all at once. That
 * makes it thirty times as fast.
 */
export class ServerReplay {
  readonly #options: EngineOptions;
  readonly #batch: Batch;
  /** Infinity when no step is under way. */
  #stepEndsMs = Infinity;
  #firstTokenMs = 0;
  #perTokenMs = 0;

  /** `kinds` is the number of different contents of blocks. */
  constructor(options: EngineOptions, kinds: number) {
    this.#options = options;
    this.#batch = new Batch(options, kinds);
  }

  /** Adds a request, which comes after all others so far. */
  add(job: Job): void {
    this.advance(job.atMs);
    this.#batch.waiting.push(begin(job));
    if (this.#stepEndsMs === Infinity) this.#startStep(job.atMs, job.atMs);
  }

  /** Takes the steps that end by then; by default all. */
  advance(untilMs: number = Number.MAX_VALUE): void {
    while (this.#stepEndsMs <= untilMs) {
      const nowMs = this.#stepEndsMs;
      this.#endStep(nowMs);
      this.#startStep(nowMs, untilMs);
    }
  }

  /** Returns the sums over the tokens that were generated so far. */
  sums(): Sums {
    return { firstTokenMs: this.#firstTokenMs, perTokenMs: this.#perTokenMs };
  }

  /** Returns what a request finds when it arrives. */
  inspect(job: Job): Outlook {
    this.advance(job.atMs);
    const stepLeftMs = this.#stepEndsMs === Infinity ? 0 : this.#stepEndsMs - job.atMs;
    return { ...outlookFor(job, this.#batch), stepLeftMs, slowdown: 1 };
  }

  save(): ReplayState {
    return { batch: this.#batch.save(), stepEndsMs: this.#stepEndsMs, sums: this.sums() };
  }

  restore({ batch, stepEndsMs, sums }: ReplayState): void {
    this.#batch.restore(batch);
    this.#stepEndsMs = stepEndsMs;
    this.#firstTokenMs = sums.firstTokenMs;
    this.#perTokenMs = sums.perTokenMs;
  }

  #startStep(nowMs: number, untilMs: number): void {
    const startsMs = this.#decode(nowMs, untilMs);
    const { requests, prefillTokens, attendedTokens } = this.#batch.planStep();
    this.#stepEndsMs = requests === 0
      ? Infinity
      : startsMs + this.#durationMs(requests, prefillTokens, attendedTokens);
  }

  #durationMs(requests: number, prefillTokens: number, attendedTokens: number): number {
    const { interTokenMs, interTokenGrowth, prefillTokensPerSecond, speed } = this.#options;
    const tokens = prefillTokens + attendedTokens / (this.#options.prefillDoublesAt ?? Infinity);
    const decodeMs = interTokenMs * (1 + interTokenGrowth * (requests - 1));
    return (decodeMs + tokens / prefillTokensPerSecond * 1000) / speed;
  }

  #endStep(nowMs: number): void {
    for (const active of [...this.#batch.running]) {
      const { scheduled } = active;
      active.computed += scheduled;
      active.scheduled = 0;
      if (scheduled > 0 && active.computed === tokenCount(active)) this.#emit(active, 1, nowMs);
    }
  }

  /** Takes whole steps at once while all requests only decode. Returns when the last one ends. */
  #decode(startsMs: number, untilMs: number): number {
    let nowMs = startsMs;
    while (true) {
      const steps = this.#decodeSteps(untilMs - nowMs);
      if (steps < 1) return nowMs;
      nowMs += steps * this.#durationMs(this.#batch.running.length, 0, 0);
      for (const active of this.#batch.running) {
        this.#batch.fill(active, steps);
        active.computed += steps;
      }
      for (const active of [...this.#batch.running]) this.#emit(active, steps, nowMs);
    }
  }

  /** Returns how many steps of the batch as it is fit into a time; 0 if it may change earlier. */
  #decodeSteps(withinMs: number): number {
    const { running, waiting, isFull, cache } = this.#batch;
    if (running.length === 0 || waiting.length > 0 && !isFull) return 0;
    let steps = Math.floor(withinMs / this.#durationMs(running.length, 0, 0));
    for (const active of running) {
      if (active.generated === 0 || tokenCount(active) - active.computed > 1) return 0;
      steps = Math.min(steps, active.job.answerTokens - active.generated);
    }
    let blocks = 0;
    for (const active of running) {
      blocks += blocksFor(active.computed + steps) - active.blocks.length;
    }
    return blocks <= cache.freeBlocks ? steps : 0;
  }

  #emit(active: Active, tokens: number, nowMs: number): void {
    const { atMs, answerTokens } = active.job;
    active.generated += tokens;
    if (active.generated === 1) this.#firstTokenMs += nowMs - atMs;
    if (active.generated < answerTokens) return;
    this.#perTokenMs += (nowMs - atMs) / answerTokens;
    this.#batch.end(active);
  }
}
