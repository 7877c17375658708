import type { Exchange, Head, RequestBody } from "./exchange.ts";

/** Answers a `Request`, as a Hono app does. `sent` settles when the answer has gone out. */
export type Answer = (request: Request, sent: Promise<unknown>) => Response | Promise<Response>;

/** The methods whose bodies are read. */
const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

/**
 * Answers an exchange with a `Response`.
 *
 * @param origin `http://` or `https://` and a host
 */
export async function answerExchange(
  exchange: Exchange,
  origin: string,
  answer: Answer,
): Promise<void> {
  const { method, target, headers, departure, sent } = exchange;
  const abort = new AbortController();
  departure.listeners.add(() => abort.abort());
  const request = new Request(URL.canParse(origin) ? origin : "http://invalid/", {
    method,
    headers: [...headers],
    signal: abort.signal,
    ...(WITH_BODY.has(method) && exchange.body.length !== 0 && { body: streamOf(exchange.body) }),
  });
  // A request normalises its address; only the exact spelling of a path may match.
  Object.defineProperty(request, "url", { value: origin + target });
  const response = await answer(request, sent);
  const head: Head = [...response.headers].filter(([name]) => name !== "content-length");
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream");
  if (!isStream || !response.body) {
    return exchange.respond(response.status, head, await response.bytes());
  }
  await exchange.begin(response.status, head);
  exchange.flush();
  const reader = response.body.getReader();
  departure.listeners.add(() => void reader.cancel().catch(() => {}));
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return exchange.end();
      await exchange.write(value);
    }
  } catch {
    exchange.abort();
  }
}

/** Reads only as far as the stream is read. */
function streamOf(body: RequestBody): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const bytes = await body.read();
      if (bytes) controller.enqueue(bytes.slice());
      else controller.close();
    },
    cancel: () => body.cancel(),
  }, { highWaterMark: 0 });
}
