/** The events of the simulated server's streams. Each contains the time at which it was written. */

const BEFORE =
  'data: {"id":"chatcmpl-9b51191bad49090c","object":"chat.completion.chunk","created":1795826416,' +
  '"model":"simulated-model","choices":[{"index":0,"delta":{"content":" ';
const AFTER = '"},"logprobs":null,"finish_reason":null,"token_ids":';

/** Returns an event in a chunk of its own, 248 bytes. @param nowMs since 1970 */
export function eventChunk(nowMs: number, ids: "null" | "[5832]" = "null"): string {
  const event = `${BEFORE}t=${nowMs.toFixed(3)};${AFTER}${ids}}]}\n\n`;
  return `${event.length.toString(16)}\r\n${event}\r\n`;
}

/** Returns the times at which the events in a piece of a stream were written. */
export function sentAtMs(text: string): number[] {
  return [...text.matchAll(/t=(\d+\.\d{3});/g)].map(([, time]) => Number(time));
}
