import { BLOCK_SIZE, type KvCache } from "./kv_cache.ts";
import { isHung, type Sequence, tokenCount } from "./sequence.ts";

/** Tokens one step computes at most by default, so that a long prompt is prefilled in chunks. */
export const STEP_TOKEN_BUDGET = 2048;

/** What one step computes. */
export interface Step {
  readonly sequences: readonly Sequence[];
  /** Prompt tokens among them. */
  readonly prefillTokens: number;
  readonly totalTokens: number;
}

/** Continuous batching: who computes what in the next step, as in vLLM's scheduler. */
export class Scheduler {
  readonly running: Sequence[] = [];
  readonly waiting: Sequence[] = [];
  /** Running sequences that had to give their blocks back, and start over. */
  preemptions = 0;
  readonly #maxNumSeqs: number;
  readonly #cache: KvCache;
  readonly #stepTokens: number;
  /** What came while the engine was deaf; undefined while it isn't. */
  #unheard: Sequence[] | undefined;

  /** `stepTokens` is what one step computes at most. */
  constructor(maxNumSeqs: number, cache: KvCache, stepTokens = STEP_TOKEN_BUDGET) {
    this.#maxNumSeqs = maxNumSeqs;
    this.#cache = cache;
    this.#stepTokens = stepTokens;
  }

  /** Lets a sequence wait for its place. */
  enqueue(sequence: Sequence): void {
    (this.#unheard ?? this.waiting).push(sequence);
  }

  /** Keeps what is enqueued apart, as if nobody read it, until it is called with false. */
  setDeaf(deaf: boolean): void {
    const heard = this.#unheard ?? [];
    this.#unheard = deaf ? heard : undefined;
    if (!deaf) this.waiting.push(...heard.filter(({ ended }) => !ended));
  }

  /** All that have not ended, those that the engine does not hear of included. */
  all(): Sequence[] {
    return [...this.#unheard ?? [], ...this.waiting, ...this.running];
  }

  /**
   * Plans one step: first the running sequences, oldest first, then waiting ones as far as
   * places, KV blocks and the token budget reach. Null when there is nothing to compute.
   */
  planStep(): Step | null {
    const sequences: Sequence[] = [];
    let prefillTokens = 0;
    let totalTokens = 0;
    const schedule = (sequence: Sequence, count: number) => {
      // A sequence that decodes computes exactly its newest token.
      if (count > 1 || sequence.generated.length === 0) prefillTokens += count;
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
    return sequences.length > 0 ? { sequences, prefillTokens, totalTokens } : null;
  }

  /** Takes a sequence out for good and gives its blocks back. */
  remove(sequence: Sequence): void {
    const queue = this.running.includes(sequence) ? this.running : this.waiting;
    const index = queue.indexOf(sequence);
    if (index >= 0) queue.splice(index, 1);
    sequence.ended = true;
    this.#releaseBlocks(sequence);
  }

  /** Finds the cached prefix and the blocks for a first chunk; 0 when there are too few. */
  #admit(sequence: Sequence, budget: number): number {
    const length = tokenCount(sequence);
    // The last token is always computed: without it there is nothing to sample from.
    const prefix = this.#cache.findPrefix(
      sequence.blockHashes,
      Math.floor((length - 1) / BLOCK_SIZE),
    );
    const cached = prefix.length * BLOCK_SIZE;
    const count = Math.min(length - cached, budget);
    const fresh = blocksFor(cached + count) - prefix.length;
    if (fresh + this.#cache.countUnused(prefix) > this.#cache.freeBlocks) {
      return 0;
    }
    this.#cache.share(prefix);
    sequence.blocks = prefix;
    sequence.computed = cached;
    sequence.cachedTokens ??= cached;
    return count;
  }

  /** Preempts the newest running sequences until the blocks suffice; false if it was one itself. */
  #makeRoom(sequence: Sequence, tokens: number): boolean {
    while (blocksFor(tokens) - sequence.blocks.length > this.#cache.freeBlocks) {
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

  /** Takes the missing blocks and names those that become full, at once as vLLM does. */
  #fillBlocks(sequence: Sequence, tokens: number): void {
    const { blocks, blockHashes, computed } = sequence;
    const missing = blocksFor(tokens) - blocks.length;
    if (missing > 0) blocks.push(...this.#cache.take(missing));
    const firstNew = Math.floor(computed / BLOCK_SIZE);
    const fullBlocks = Math.floor(tokens / BLOCK_SIZE);
    for (let index = firstNew; index < fullBlocks; index++) {
      this.#cache.remember(blocks[index]!, blockHashes[index]!);
    }
  }

  #releaseBlocks(sequence: Sequence): void {
    this.#cache.release(sequence.blocks);
    sequence.blocks = [];
  }
}

function blocksFor(tokens: number): number {
  return Math.ceil(tokens / BLOCK_SIZE);
}
