import assert from "node:assert/strict";
import { cpuTimeMs } from "./cpu_time.ts";

/**
 * Asserts that `read` is quick for what it reads: it takes less than 200 ms of CPU time or, on a slow
 * machine, less than one look at each character of the text.
 */
export function assertQuick<Read>(text: string, read: () => Read): Read {
  const startedAt = cpuTimeMs();
  const result = read();
  const readAt = cpuTimeMs();
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum += text.charCodeAt(i);
  const lookMs = cpuTimeMs() - readAt;
  const tookMs = readAt - startedAt;
  assert.ok(tookMs < Math.max(200, lookMs), `${tookMs} ms, one look ${lookMs} ms (sum ${sum})`);
  return result;
}
