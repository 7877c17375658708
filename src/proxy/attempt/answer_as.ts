import { isEventStream } from "../../http/event_stream.ts";
import type { Upstream } from "../../http/upstream.ts";
import { GrowingBytes } from "../../util/growing_bytes.ts";
import { alsoTapped } from "../sse/tap_events.ts";
import { renameEvents, renameIn } from "../response/rename_model.ts";

/** The name of the model comes before the answer's content; what isn't found up to here stays. */
const LONGEST_BEGINNING = 1024 * 1024;

/** Passes a server's answer on as one of the model `name`, as the client asked for it. */
export function answerAs(name: string, upstream: Upstream): Upstream {
  const events = alsoTapped(upstream, renameEvents(name));
  let source = upstream;
  let isDocument = false;

  async function readBeginning(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const read = new GrowingBytes();
    for (let lookAt = 0;;) {
      const chunk = await upstream.read();
      if (chunk) read.append(chunk);
      const isLast = !chunk || read.length >= LONGEST_BEGINNING;
      // Each look starts over, so it has to wait for twice as much.
      if (!isLast && read.length < lookAt) continue;
      lookAt = 2 * read.length;
      const beginning = read.first().slice();
      const renamed = renameIn(beginning, name);
      if (renamed || isLast) return renamed ?? (beginning.length > 0 ? beginning : undefined);
    }
  }

  return {
    async head() {
      const head = await events.head();
      if (head.status === 200 && isEventStream(head.headers)) source = events;
      else isDocument = head.status === 200 && isJson(head.headers.get("content-type"));
      return head;
    },
    read() {
      if (!isDocument) return source.read();
      isDocument = false;
      return readBeginning();
    },
    close: () => upstream.close(),
  };
}

function isJson(type: string | null): boolean {
  return /^application\/json\b/i.test(type ?? "");
}
