import type { KvCache } from "./kv_cache.ts";
import { attendedTokens as attendedBy, isHung, type Sequence, tokenCount } from "./sequence.ts";

/** Default token budget of a step, so that a long prompt is prefilled in chunks. */
export const STEP_TOKEN_BUDGET = 2048;

/** The work of one step. */
export interface Step {
  readonly sequences: readonly Sequence[];
  /** Prompt tokens among `totalTokens`. */
  readonly prefillTokens: number;
  /** Sum, over those, of the tokens before each, which it attends to. */
  readonly attendedTokens: number;
  readonly totalTokens: number;
}

/** Continuous batching: decides what each sequence computes in the next step, as vLLM does. */
export class Scheduler {
  readonly running: Sequence[] = [];
  readonly waiting: Sequence[] = [];
  /** Number of times a running sequence lost its blocks and had to start over. */
  preemptions = 0;
  readonly #maxNumSeqs: number;
  readonly #cache: KvCache;
  readonly #stepTokens: number;
  /** Sequences that arrived while the engine was deaf; undefined when it is not. */
  #unheard: Sequence[] | undefined;

  /** `stepTokens` is the token budget of a step. */
  constructor(maxNumSeqs: number, cache: KvCache, stepTokens = STEP_TOKEN_BUDGET) {
    this.#maxNumSeqs = maxNumSeqs;
    this.#cache = cache;
    this.#stepTokens = stepTokens;
  }

  /** Adds a sequence to the waiting queue. */
  enqueue(sequence: Sequence): void {
    (this.#unheard ?? this.waiting).push(sequence);
  }

  /** Sets newly enqueued sequences aside, unread, until called with false. */
  setDeaf(deaf: boolean): void {
    const heard = this.#unheard ?? [];
    this.#unheard = deaf ? heard : undefined;
    if (!deaf) this.waiting.push(...heard.filter(({ ended }) => !ended));
  }

  /** Returns all sequences that have not ended, including those set aside while deaf. */
  all(): Sequence[] {
    return [...this.#unheard ?? [], ...this.waiting, ...this.running];
  }

  /**
   * Plans one step: the running sequences, oldest first, then waiting ones as far as batch places,
   * KV blocks and the token budget allow. Returns null when there is nothing to compute.
   */
  planStep(): Step | null {
    const sequences: Sequence[] = [];
    let prefillTokens = 0;
    let attendedTokens = 0;
    let totalTokens = 0;
    const schedule = (sequence: Sequence, count: number) => {
      // A decoding sequence computes exactly one token, its newest.
      if (count > 1 || sequence.generated.length === 0) {
        prefillTokens += count;
        attendedTokens += attendedBy(count, sequence.computed);
      }
      totalTokens += count;
      sequence.scheduled = count;
      this.#fillBlocks(sequence, sequence.computed + count);
      sequences.push(sequence);
    };

    const preemptionsBefore = this.preemptions;
    for (let index = 0; index < this.running.length; index++) {
      const sequence = this.running[index]!;
      const count = Math.min(
        tokenCount(sequence) - sequence.computed,
        this.#stepTokens - totalTokens,
      );
      if (isHung(sequence) || count === 0) continue;
      if (this.#makeRoom(sequence, sequence.computed + count)) {
        schedule(sequence, count);
      }
    }
    while (
      this.preemptions === preemptionsBefore &&
      totalTokens < this.#stepTokens &&
      this.waiting.length > 0 && this.running.length < this.#maxNumSeqs
    ) {
      const sequence = this.waiting[0]!;
      const count = this.#admit(sequence, this.#stepTokens - totalTokens);
      if (count === 0) break;
      this.waiting.shift();
      this.running.push(sequence);
      if (!isHung(sequence)) schedule(sequence, count);
    }
    if (sequences.length === 0) return null;
    return { sequences, prefillTokens, attendedTokens, totalTokens };
  }

  /** Removes a sequence for good and releases its blocks. */
  remove(sequence: Sequence): void {
    const queue = this.running.includes(sequence) ? this.running : this.waiting;
    const index = queue.indexOf(sequence);
    if (index >= 0) queue.splice(index, 1);
    sequence.ended = true;
    this.#releaseBlocks(sequence);
  }

  /** Takes the cached prefix and returns the size of the first chunk; 0 if blocks are too few. */
  #admit(sequence: Sequence, budget: number): number {
    const length = tokenCount(sequence);
    // The last token is always computed; sampling needs its output.
    const prefix = this.#cache.findPrefix(
      sequence.blockHashes,
      Math.floor((length - 1) / this.#cache.blockSize),
    );
    const cached = prefix.length * this.#cache.blockSize;
    const count = Math.min(length - cached, budget);
    const fresh = this.#blocksFor(cached + count) - prefix.length;
    if (fresh + this.#cache.countUnused(prefix) > this.#cache.freeBlocks) {
      return 0;
    }
    this.#cache.share(prefix);
    sequence.blocks = prefix;
    sequence.computed = cached;
    sequence.cachedTokens ??= cached;
    return count;
  }

  /** Preempts the newest running sequences until blocks suffice; false if `sequence` was one. */
  #makeRoom(sequence: Sequence, tokens: number): boolean {
    while (this.#blocksFor(tokens) - sequence.blocks.length > this.#cache.freeBlocks) {
      const newest = this.running.pop()!;
      this.#releaseBlocks(newest);
      newest.computed = 0;
      newest.scheduled = 0;
      this.waiting.unshift(newest);
      this.preemptions++;
      if (newest === sequence) return false;
    }
    return true;
  }

  /** Takes the missing blocks and caches those that become full, immediately as vLLM does. */
  #fillBlocks(sequence: Sequence, tokens: number): void {
    const { blocks, blockHashes, blockSize, computed } = sequence;
    const missing = this.#blocksFor(tokens) - blocks.length;
    if (missing > 0) blocks.push(...this.#cache.take(missing));
    const firstNew = Math.floor(computed / blockSize);
    const fullBlocks = Math.floor(tokens / blockSize);
    for (let index = firstNew; index < fullBlocks; index++) {
      this.#cache.remember(blocks[index]!, blockHashes[index]!);
    }
  }

  #releaseBlocks(sequence: Sequence): void {
    this.#cache.release(sequence.blocks);
    sequence.blocks = [];
  }

  #blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.#cache.blockSize);
  }
}
