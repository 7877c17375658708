import type { EngineOptions } from "../../../src/simulator/engine/engine_options.ts";
import { BLOCK_SIZE } from "../../../src/simulator/engine/kv_cache.ts";
import { attendedTokens } from "../../../src/simulator/engine/sequence.ts";
import { STEP_TOKEN_BUDGET } from "../../../src/simulator/engine/scheduler.ts";
import { type Active, blocksFor, copyOf, fullBlocks, tokenCount } from "./active.ts";
import { BlockCache, type BlockCacheState } from "./block_cache.ts";

/** A batch and its queue at one moment. */
export interface BatchState {
  readonly cache: BlockCacheState;
  readonly running: readonly Active[];
  readonly waiting: readonly Active[];
}

/** The work of one step. */
export interface StepWork {
  /** Number of requests in the step; 0 if there is nothing to compute. */
  readonly requests: number;
  readonly prefillTokens: number;
  /** Sum, over those, of the tokens before each. */
  readonly attendedTokens: number;
}

/** Plans the same steps as the simulator's scheduler, over a {@linkcode BlockCache}. */
export class Batch {
  readonly cache: BlockCache;
  running: Active[] = [];
  waiting: Active[] = [];
  readonly #maxNumSeqs: number;
  readonly #stepTokens: number;

  /** `kinds` is the number of different contents of blocks. */
  constructor(options: EngineOptions, kinds: number) {
    this.cache = new BlockCache(options.kvBlocks, kinds);
    this.#maxNumSeqs = options.maxNumSeqs;
    this.#stepTokens = options.maxNumBatchedTokens ?? STEP_TOKEN_BUDGET;
  }

  get isFull(): boolean {
    return this.running.length >= this.#maxNumSeqs;
  }

  planStep(): StepWork {
    let requests = 0;
    let prefillTokens = 0;
    let attended = 0;
    let left = this.#stepTokens;
    const schedule = (active: Active, count: number) => {
      if (count > 1 || active.generated === 0) {
        prefillTokens += count;
        attended += attendedTokens(count, active.computed);
      }
      left -= count;
      active.scheduled = count;
      this.fill(active, count);
      requests++;
    };
    let preempted = false;
    for (let index = 0; index < this.running.length; index++) {
      const active = this.running[index]!;
      const count = Math.min(tokenCount(active) - active.computed, left);
      if (count === 0) continue;
      while (index < this.running.length && !this.#hasRoom(active, count)) {
        this.#preempt();
        preempted = true;
      }
      if (index < this.running.length) schedule(active, count);
    }
    while (!preempted && left > 0 && this.waiting.length > 0 && !this.isFull) {
      const active = this.waiting[0]!;
      const count = this.#admit(active, left);
      if (count === 0) break;
      this.waiting.shift();
      this.running.push(active);
      schedule(active, count);
    }
    return { requests, prefillTokens, attendedTokens: attended };
  }

  /** Takes the blocks for the next `count` tokens and caches those that become full. */
  fill({ blocks, job, computed }: Active, count: number): void {
    const tokens = computed + count;
    for (let missing = blocksFor(tokens) - blocks.length; missing > 0; missing--) {
      blocks.push(this.cache.take());
    }
    for (let index = fullBlocks(computed); index < fullBlocks(tokens); index++) {
      this.cache.remember(blocks[index]!, job.contents[index]!);
    }
  }

  /** Removes a request that has ended. */
  end(active: Active): void {
    this.running.splice(this.running.indexOf(active), 1);
    this.cache.release(active.blocks);
  }

  save(): BatchState {
    return {
      cache: this.cache.save(),
      running: this.running.map(copyOf),
      waiting: this.waiting.map(copyOf),
    };
  }

  restore({ cache, running, waiting }: BatchState): void {
    this.cache.restore(cache);
    this.running = running.map(copyOf);
    this.waiting = waiting.map(copyOf);
  }

  #hasRoom({ blocks, computed }: Active, count: number): boolean {
    return blocksFor(computed + count) - blocks.length <= this.cache.freeBlocks;
  }

  /** Takes the blocks of the newest running request, which has to start over. */
  #preempt(): void {
    const newest = this.running.pop()!;
    this.cache.release(newest.blocks);
    Object.assign(newest, { blocks: [], computed: 0, scheduled: 0 });
    this.waiting.unshift(newest);
  }

  /** Takes the cached prefix and returns the size of the first chunk; 0 if blocks are too few. */
  #admit(active: Active, budget: number): number {
    const length = tokenCount(active);
    const { contents } = active.job;
    const prefix = this.cache.prefixLength(contents, fullBlocks(length - 1));
    const cached = prefix * BLOCK_SIZE;
    const count = Math.min(length - cached, budget);
    const fresh = blocksFor(cached + count) - prefix;
    if (fresh + this.cache.countUnused(contents, prefix) > this.cache.freeBlocks) return 0;
    active.blocks = this.cache.share(contents, prefix);
    active.computed = cached;
    return count;
  }
}
