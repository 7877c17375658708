import { isEventStream } from "../../http/event_stream.ts";
import { openEvent } from "../../http/sse_open_event.ts";
import type { Upstream } from "../../http/upstream.ts";
import { concat } from "../../util/bytes.ts";

/** Changes whole events on their way to the client. May throw, which breaks the answer off. */
export type Convert = (events: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

/** An event stream whose events are changed on their way. */
export interface Tapped extends Upstream {
  /** Changes them further, before the first is read. */
  also(convert: Convert): void;
}

/** Returns `upstream` with its events changed, by the tap that it has already, if it has one. */
export function alsoTapped(upstream: Upstream, convert: Convert): Upstream {
  if (!("also" in upstream)) return tapEvents(upstream, convert, () => {});
  (upstream as Tapped).also(convert);
  return upstream;
}

/**
 * Passes a server's event stream through `convert`, whole events at a time. Any other answer stays
 * as it is, and so does a stream with an event that is too long to hold.
 *
 * @param onLost called when that happens
 */
export function tapEvents(upstream: Upstream, convert: Convert, onLost: () => void): Tapped {
  const open = openEvent();
  let further: Convert | undefined;
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
    if (!converted || converted.length === 0) return upstream.read().then(take);
    return further ? further(converted) : converted;
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
    also(convert) {
      const before = further;
      further = before ? (events) => convert(before(events)) : convert;
    },
  };
}
