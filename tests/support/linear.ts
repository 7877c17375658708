import assert from "node:assert/strict";
import { cpuTimeMs } from "./cpu_time.ts";

/**
 * Asserts that the CPU time of `work` grows with `size` and not with its square, on any machine:
 * for 16 times the size it takes about 16 times as long, at most 100 times, and not 256 times.
 */
export async function assertLinear(work: (size: number) => unknown, size: number): Promise<void> {
  let [smallMs, largeMs] = [Infinity, Infinity];
  // The shortest of several runs, because garbage may be collected in any of them.
  for (let i = 0; i < 4; i++) {
    smallMs = Math.min(smallMs, await timeOf(() => work(size)));
    largeMs = Math.min(largeMs, await timeOf(() => work(16 * size)));
  }
  assert.ok(largeMs < 100 * smallMs, `${smallMs} ms, and ${largeMs} ms for 16 times the size`);
}

async function timeOf(work: () => unknown): Promise<number> {
  const before = cpuTimeMs();
  await work();
  return cpuTimeMs() - before;
}
