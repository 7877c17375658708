import { concat } from "./bytes.ts";
import { errorStatusOf, nextEvent } from "./events.ts";
import type { Upstream } from "./upstream.ts";

/** What is held back of an answer, so that another server's can still replace it. */
export interface Held {
  readonly body: Uint8Array<ArrayBuffer>;
  /** Where more may come. */
  readonly rest: Upstream | undefined;
  /** The status that a stream's first event tells of, where that is an error. */
  readonly errorStatus?: number | undefined;
}

/** An answer is held up to this size. */
const HELD_BYTES = 1024 * 1024;
/** Where so much of a stream came without an event, it is passed on as it is. */
const LONGEST_EVENT = 256 * 1024;
/** What a server sends before its engine has begun; it repeats instructions and tools. */
const BEFORE_ANSWER = new Set(["response.created", "response.queued", "response.in_progress"]);

/** Without it nothing has ended. */
const LINE_END = /[\r\n]/;

/** Reads the whole body, or its first {@linkcode HELD_BYTES}. Throws when it breaks. */
export async function holdBody(upstream: Upstream): Promise<Held> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let size = 0; size < HELD_BYTES;) {
    const chunk = await upstream.read();
    if (!chunk) return { body: concat(chunks), rest: undefined };
    chunks.push(chunk);
    size += chunk.length;
  }
  return { body: concat(chunks), rest: upstream };
}

/**
 * Reads an event stream up to the first event of its answer; comments, which keep connections
 * alive, are none. Throws when it breaks, or ends before that.
 */
export async function holdEvent(upstream: Upstream): Promise<Held> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  while (text.length < LONGEST_EVENT && size < HELD_BYTES) {
    const chunk = await upstream.read();
    if (!chunk) throw new Error("The stream ended before its first event");
    chunks.push(chunk);
    size += chunk.length;
    const more = decoder.decode(chunk, { stream: true });
    text += more;
    if (!LINE_END.test(more)) continue;
    let event = nextEvent(text);
    for (; event && BEFORE_ANSWER.has(event.name ?? ""); event = nextEvent(text)) {
      text = text.slice(event.end);
    }
    if (!event) {
      // What ended without data is no event, and not to be looked at again.
      const blank = text.lastIndexOf("\n\n");
      if (blank !== -1) text = text.slice(blank + "\n\n".length);
      continue;
    }
    return { body: concat(chunks), rest: upstream, errorStatus: errorStatusOf(event.data) };
  }
  return { body: concat(chunks), rest: upstream };
}
