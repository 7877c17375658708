/**
 * The simulated vLLM server of this benchmark: it answers with bytes prepared in advance, so that
 * it costs less than the cheapest proxy. Streams never end by themselves.
 *
 * Arguments: the {@linkcode UpstreamOptions} as JSON.
 */
import { writeAll } from "../../support/connection.ts";
import { ANSWER, beginningOfStream, NOT_FOUND, page, readPages, VLLM_METRICS } from "./pages.ts";
import { startPacer, type Subscribe } from "./pacer.ts";
import { parseRequest, type UpstreamRequest } from "./request.ts";

export interface UpstreamOptions {
  readonly port: number;
  /** Each stream gets an event this often: a whole number of milliseconds. @default 10 */
  readonly everyMs?: number;
  /**
   * Listens at every loopback address, as so many servers with the metrics page of a real vLLM.
   * @default one server at 127.0.0.1
   */
  readonly isMany?: boolean;
}

/** Answers how many pages were served, those of {@linkcode COUNTS_PATH} excluded. */
export const COUNTS_PATH = "/pages-served";

const FIRST_BUFFER_BYTES = 2048;

let served = 0;

async function serveAll({ port, everyMs = 10, isMany }: UpstreamOptions): Promise<void> {
  const pages = await readPages();
  if (isMany) pages.set("/metrics", page(await Deno.readTextFile(VLLM_METRICS)));
  const subscribe = startPacer(everyMs);
  const listener = Deno.listen({ hostname: isMany ? "0.0.0.0" : "127.0.0.1", port });
  for await (const connection of listener) {
    if (!connection.remoteAddr.hostname.startsWith("127.")) {
      connection.close();
      continue;
    }
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
        await writeAll(connection, answerTo(request, pages));
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

function answerTo(
  { method, path }: UpstreamRequest,
  pages: ReadonlyMap<string, Uint8Array>,
): Uint8Array {
  if (method === "POST") return ANSWER;
  if (path === COUNTS_PATH) return page(String(served));
  served++;
  return pages.get(path) ?? NOT_FOUND;
}

if (import.meta.main) await serveAll(JSON.parse(Deno.args[0]!));
