import type { Upstream } from "../../http/upstream.ts";
import { responseIdIn } from "../../vllm/stored_response.ts";

/** The id comes first, but for the request's own options. */
const LONGEST_BEGINNING = 64 * 1024;
const latin1 = new TextDecoder("latin1");

/** Calls `onId` with the id of the response that a server's answer is. */
export function noteId(upstream: Upstream, onId: (id: string) => void): Upstream {
  let beginning: string | undefined = "";

  function look(chunk: Uint8Array<ArrayBuffer> | undefined): Uint8Array<ArrayBuffer> | undefined {
    if (beginning === undefined || !chunk) return chunk;
    beginning += latin1.decode(chunk.subarray(0, LONGEST_BEGINNING));
    const id = responseIdIn(beginning);
    if (id !== undefined) onId(id);
    if (id !== undefined || beginning.length >= LONGEST_BEGINNING) beginning = undefined;
    return chunk;
  }

  return {
    async head() {
      const head = await upstream.head();
      if (head.status !== 200) beginning = undefined;
      return head;
    },
    read: () => beginning === undefined ? upstream.read() : upstream.read().then(look),
    close: () => upstream.close(),
  };
}
