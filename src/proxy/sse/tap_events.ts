import { isEventStream } from "../../http/event_stream.ts";
import { openEvent } from "../../http/sse_open_event.ts";
import type { Upstream } from "../../http/upstream.ts";
import { concat } from "../../util/bytes.ts";

/** Changes whole events on their way to the client. May throw, which breaks the answer off. */
export type Convert = (events: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

/**
 * Passes a server's event stream through `convert`, whole events at a time. Any other answer stays
 * as it is, and so does a stream with an event that is too long to hold.
 *
 * @param onLost called when that happens
 */
export function tapEvents(upstream: Upstream, convert: Convert, onLost: () => void): Upstream {
  const open = openEvent();
  let isTapped = false;

  /** Takes what was read; with nothing to pass on, reads further. */
  const take = (
    chunk: Uint8Array<ArrayBuffer> | undefined,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> | Uint8Array<ArrayBuffer> | undefined => {
    if (!isTapped) return chunk;
    if (!chunk) {
      isTapped = false;
      return open.length > 0 ? open.rest() : undefined;
    }
    const events = open.add(chunk);
    if (events === "too_long") {
      isTapped = false;
      onLost();
      return concat([open.rest(), chunk]);
    }
    const converted = events === "not_whole" ? undefined : convert(events);
    return converted && converted.length > 0 ? converted : upstream.read().then(take);
  };

  return {
    async head() {
      const head = await upstream.head();
      isTapped = head.status === 200 && isEventStream(head.headers);
      if (!isTapped) onLost();
      return head;
    },
    read: () => upstream.read().then(take),
    close: () => upstream.close(),
  };
}
