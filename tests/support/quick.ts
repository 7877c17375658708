import assert from "node:assert/strict";

/**
 * Asserts that `read` is quick for what it reads: it takes less than 200 ms or, on a slow machine,
 * less than one look at each character of the text.
 */
export function assertQuick<Read>(text: string, read: () => Read): Read {
  const startedAt = performance.now();
  const result = read();
  const readAt = performance.now();
  let sum = 0;
  for (let i = 0; i < text.length; i++) sum += text.charCodeAt(i);
  const lookMs = performance.now() - readAt;
  const tookMs = readAt - startedAt;
  assert.ok(tookMs < Math.max(200, lookMs), `${tookMs} ms, one look ${lookMs} ms (sum ${sum})`);
  return result;
}
