import { BLOCK_SIZE } from "../../../src/simulator/engine/kv_cache.ts";
import type { Outlook } from "../../../src/simulator/engine/outlook.ts";
import { attendedTokens } from "../../../src/simulator/engine/sequence.ts";
import { type Active, fullBlocks, tokenCount } from "./active.ts";
import type { Batch } from "./batch.ts";
import type { Job } from "./jobs.ts";

/** Returns what the simulator's engine would tell of a batch, for one request. */
export function outlookFor(
  job: Job,
  { running, waiting, cache }: Batch,
): Omit<Outlook, "stepLeftMs" | "slowdown"> {
  const coming = new Set<number>();
  const willBeCached = (contents: Int32Array, tokens: number): number => {
    const most = fullBlocks(tokens);
    let blocks = 0;
    while (blocks < most && (cache.has(contents[blocks]!) || coming.has(contents[blocks]!))) {
      blocks++;
    }
    return blocks * BLOCK_SIZE;
  };
  let pendingTokens = 0;
  let pendingAttendedTokens = 0;
  const add = (active: Active, doneTokens: number) => {
    const left = tokenCount(active) - doneTokens;
    if (left <= 0) return;
    pendingTokens += left;
    pendingAttendedTokens += attendedTokens(left, doneTokens);
    const { contents } = active.job;
    for (let index = 0; index < fullBlocks(tokenCount(active)); index++) {
      coming.add(contents[index]!);
    }
  };
  for (const active of running) add(active, active.computed + active.scheduled);
  for (const active of waiting) {
    add(active, willBeCached(active.job.contents, tokenCount(active)));
  }
  return {
    running: running.length,
    waiting: waiting.length,
    pendingTokens,
    pendingAttendedTokens,
    cachedTokens: willBeCached(job.contents, job.promptTokens),
  };
}
