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
  // vLLM ends lines by LF alone. What something in between has rewritten isn't read.
  if (text.includes("\r")) kept.drop();
  const edit = new Edit(events);
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = endOfEvent(text, start);
    const isOnly = end - start === text.length;
    const event = isOnly ? text : text.slice(start, end);
    const read = readTokenEvent(event);
    keep(kept, event, read, isOnly ? events : events.subarray(start, end));
    if (kept.asksIds) continue;
    const { promptIds, ids } = read;
    if (read.isOnlyIds && ids) {
      edit.leaveOut(start, end);
    } else if (promptIds && ids && ids[0] < promptIds[0]) {
      edit.empty(start, ids);
      edit.empty(start, promptIds);
    } else {
      if (promptIds) edit.empty(start, promptIds);
      if (ids) edit.empty(start, ids);
    }
  }
  return edit.end();
}

/** Changes bytes from their beginning to their end. */
class Edit {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #out: Uint8Array<ArrayBuffer>;
  /** The bytes before this one have been copied, or left out. */
  #from = 0;
  /** Where the next byte goes. */
  #to = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = this.#out = bytes;
  }

  /** Leaves out a part. */
  leaveOut(start: number, end: number): void {
    this.#copy(start);
    this.#from = end;
  }

  /** Replaces a list of the event at `start` by `null`. */
  empty(start: number, [from, end]: readonly [number, number]): void {
    this.#copy(start + from);
    const after = start + end;
    if (this.#out === this.#bytes && this.#to + NULL.length > after) {
      // `null` is longer than a short list: each adds two bytes at most.
      this.#out = new Uint8Array(2 * this.#bytes.length);
      this.#out.set(this.#bytes.subarray(0, this.#to));
    }
    this.#out.set(NULL, this.#to);
    this.#to += NULL.length;
    this.#from = after;
  }

  end(): Uint8Array<ArrayBuffer> {
    if (this.#from === 0) return this.#bytes;
    this.#copy(this.#bytes.length);
    return this.#out.subarray(0, this.#to);
  }

  #copy(end: number): void {
    if (this.#out !== this.#bytes) this.#out.set(this.#bytes.subarray(this.#from, end), this.#to);
    else if (this.#to !== this.#from) this.#out.copyWithin(this.#to, this.#from, end);
    this.#to += end - this.#from;
    this.#from = end;
  }
}

function keep(kept: KeptStream, event: string, read: TokenEvent, bytes: Uint8Array): void {
  if (kept.isLost || kept.hasFinished) return void (kept.hasUsage ||= read.isUsage);
  // What an aborted answer says last is its server's excuse.
  if (read.finish === "abort") return;
  if (!kept.identity && event.startsWith("data: {")) {
    kept.identity = identityIn(bytes, read.promptIds);
  }
  if (read.promptIds) {
    kept.promptIds = event.slice(read.promptIds[0] + 1, read.promptIds[1] - 1);
  }
  kept.hasToolCall ||= read.hasToolCall;
  kept.hasFinished = read.finish !== undefined;
  // Text without its tokens would be sent once more.
  if (read.texts.length > 0 && !read.ids) return kept.drop();
  if (read.ids) kept.addIds(bytes.subarray(read.ids[0] + 1, read.ids[1]));
  for (const { field, at } of read.texts) kept.addText(field, bytes.subarray(at[0], at[1]));
}

/** The position after an event of vLLM's, which ends lines by LF alone. */
export function endOfEvent(text: string, start: number): number {
  const at = text.indexOf("\n\n", start);
  return at < 0 ? text.length : at + 2;
}
