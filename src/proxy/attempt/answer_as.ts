import { isEventStream } from "../../http/event_stream.ts";
import type { Upstream } from "../../http/upstream.ts";
import { concat } from "../../util/bytes.ts";
import { tapEvents } from "../sse/tap_events.ts";
import { renameEvents, renameIn } from "../response/rename_model.ts";

/** The name of the model comes before the answer's content; what isn't found up to here stays. */
const LONGEST_BEGINNING = 1024 * 1024;

/** Passes a server's answer on as one of the model `name`, as the client asked for it. */
export function answerAs(name: string, upstream: Upstream): Upstream {
  const events = tapEvents(upstream, renameEvents(name), () => {});
  let source = upstream;
  let isDocument = false;

  async function readBeginning(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    for (let size = 0; size < LONGEST_BEGINNING;) {
      const chunk = await upstream.read();
      if (!chunk) break;
      chunks.push(chunk.slice());
      size += chunk.length;
      const beginning = concat(chunks);
      const renamed = renameIn(beginning, name);
      if (renamed) return renamed;
    }
    return chunks.length > 0 ? concat(chunks) : undefined;
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
