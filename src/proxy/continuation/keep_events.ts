import { readTokenEvent, type TokenEvent } from "../../vllm/token_event.ts";
import { identityIn } from "./identity.ts";
import type { KeptStream } from "./kept_stream.ts";

const decoder = new TextDecoder("latin1");
const NULL = new TextEncoder().encode("null");

/**
 * Keeps what whole events say, and takes out what the client didn't ask for: the lists of token
 * ids become `null`, as vLLM writes them for others, and events that hold nothing else are left
 * out. The bytes are changed in place where that is possible.
 *
 * @returns the events for the client
 */
export function keepEvents(
  kept: KeptStream,
  events: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const text = decoder.decode(events);
  let out = events;
  /** Where the next byte goes. `out` is never filled beyond what has been read. */
  let to = 0;
  const copy = (from: number, end: number) => {
    if (out !== events || to !== from) out.set(events.subarray(from, end), to);
    to += end - from;
  };
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = endOfEvent(text, start);
    const event = text.slice(start, end);
    const read = readTokenEvent(event);
    keep(kept, event, read, events.subarray(start, end));
    if (kept.asksIds) continue;
    if (read.isOnlyIds && read.ids) continue;
    let from = start;
    for (const list of [read.promptIds, read.ids].toSorted(byStart)) {
      if (!list) continue;
      const [at, after] = [start + list[0], start + list[1]];
      copy(from, at);
      if (out === events && to + NULL.length > after) {
        // `null` is longer than a short list.
        out = new Uint8Array(events.length + 2 * text.length);
        out.set(events.subarray(0, to));
      }
      out.set(NULL, to);
      to += NULL.length;
      from = after;
    }
    copy(from, end);
  }
  return kept.asksIds ? events : out.subarray(0, to);
}

function byStart(a: TokenEvent["ids"], b: TokenEvent["ids"]): number {
  return (a?.[0] ?? 0) - (b?.[0] ?? 0);
}

function keep(kept: KeptStream, event: string, read: TokenEvent, bytes: Uint8Array): void {
  if (kept.isLost || kept.hasFinished) return void (kept.hasUsage ||= read.isUsage);
  // What an aborted answer says last is its server's excuse.
  if (read.finish === "abort") return;
  if (event.startsWith("data: {")) kept.identity ??= identityIn(bytes, read.promptIds);
  if (read.promptIds) {
    kept.promptIds = event.slice(read.promptIds[0] + 1, read.promptIds[1] - 1);
  }
  kept.hasToolCall ||= read.hasToolCall;
  kept.hasFinished = read.finish !== undefined;
  if (read.ids && read.ids[1] - read.ids[0] > 2) {
    const ids = bytes.slice(read.ids[0] + 1, read.ids[1]);
    ids[ids.length - 1] = COMMA;
    kept.addIds(ids, ids.filter((byte) => byte === COMMA).length);
  }
  for (const { field, at } of read.texts) kept.addText(field, bytes.subarray(...at));
}

const COMMA = 0x2c;

function endOfEvent(text: string, start: number): number {
  const at = text.indexOf("\n\n", start);
  return at < 0 ? text.length : at + 2;
}
