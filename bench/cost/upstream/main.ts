/**
 * The simulated vLLM server of this benchmark: it answers with bytes prepared in advance, so that
 * it costs less than the cheapest proxy. Streams never end by themselves.
 *
 * Arguments: the {@linkcode UpstreamOptions} as JSON.
 */
import { writeAll } from "../../support/connection.ts";
import { ANSWER, beginningOfStream, NOT_FOUND, readPages } from "./pages.ts";
import { startPacer, type Subscribe } from "./pacer.ts";
import { parseRequest } from "./request.ts";

export interface UpstreamOptions {
  readonly port: number;
  /** Each stream gets an event this often: a whole number of milliseconds. @default 10 */
  readonly everyMs?: number;
}

const FIRST_BUFFER_BYTES = 2048;

async function serveAll({ port, everyMs = 10 }: UpstreamOptions): Promise<void> {
  const pages = await readPages();
  const subscribe = startPacer(everyMs);
  const listener = Deno.listen({ hostname: "127.0.0.1", port });
  for await (const connection of listener) {
    connection.setNoDelay(true);
    serve(connection, pages, subscribe).catch(() => {}).finally(() => connection.close());
  }
}

/** Serves one request after another until the client leaves. Nobody sends the next one early. */
async function serve(
  connection: Deno.TcpConn,
  pages: ReadonlyMap<string, Uint8Array>,
  subscribe: Subscribe,
): Promise<void> {
  let buffer = new Uint8Array(FIRST_BUFFER_BYTES);
  let filled = 0;
  let unsubscribe: (() => void) | undefined;
  try {
    for (;;) {
      const length = await connection.read(buffer.subarray(filled));
      if (length === null) return;
      filled += length;
      const request = parseRequest(buffer.subarray(0, filled));
      if (request?.wantsStream) {
        await writeAll(connection, beginningOfStream());
        unsubscribe = subscribe(connection, request.wantsIds);
      } else if (request) {
        const answer = request.method === "POST" ? ANSWER : pages.get(request.path) ?? NOT_FOUND;
        await writeAll(connection, answer);
      }
      if (request) filled = 0;
      if (filled === buffer.length) {
        const larger = new Uint8Array(2 * buffer.length);
        larger.set(buffer);
        buffer = larger;
      }
    }
  } finally {
    unsubscribe?.();
  }
}

if (import.meta.main) await serveAll(JSON.parse(Deno.args[0]!));
