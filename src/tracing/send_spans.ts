import type { Tracing } from "../config/tracing_settings.ts";
import type { Fetch } from "../http/fetch.ts";
import { failureIn } from "../http/fetch_error.ts";
import { retryAfterMs } from "../proxy/retry.ts";
import { concat } from "../util/bytes.ts";
import { readAnswer } from "./otlp_answer.ts";
import type { OtlpRequest } from "./otlp_request.ts";

/** Returns connections that trust a CA besides the built-in ones. */
export type Connect = (ca: string | undefined) => Fetch;

/** What became of a request to the collector. */
export type Sent =
  /** It took all spans but these, for this reason. */
  | { readonly kind: "taken"; readonly rejected: number; readonly why: string }
  /** It may take them later, after the time that it asked for. */
  | { readonly kind: "later"; readonly afterMs: number | undefined; readonly why: string }
  /** It will never take them. */
  | { readonly kind: "refused"; readonly why: string };

/** Statuses after which OTLP has a client try again. */
const LATER: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Far longer than any answer to an export. */
const MOST_BYTES = 64 * 1024;

/**
 * Sends a request of OTLP over HTTP. Never rejects.
 *
 * @param connect returns the connections to the collector
 * @param signal ends it early
 */
export async function sendSpans(
  connect: Connect,
  { url, ca, headers, timeoutMs, gzip }: Pick<
    Tracing,
    "url" | "ca" | "headers" | "timeoutMs" | "gzip"
  >,
  request: OtlpRequest,
  signal: AbortSignal,
): Promise<Sent> {
  const limit = new AbortController();
  const stop = () => limit.abort(signal.reason);
  const timer = setTimeout(
    () => limit.abort(new Error(`no answer within ${timeoutMs / 1000} s`)),
    timeoutMs,
  );
  signal.addEventListener("abort", stop);
  try {
    if (signal.aborted) stop();
    const response = await connect(ca)(url, {
      method: "POST",
      headers: [
        ["content-type", request.type],
        ...(gzip ? [["content-encoding", "gzip"] as [string, string]] : []),
        ...headers.map(([name, value]): [string, string] => [name, value]),
      ],
      body: gzip ? await gzipped(request.body) : request.body,
      signal: limit.signal,
    });
    return sentBy(response, await beginningOf(response));
  } catch (error) {
    const why = limit.signal.aborted ? limit.signal.reason : error;
    return { kind: "later", afterMs: undefined, why: failureIn(why) };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}

function sentBy({ ok, status, headers }: Response, body: Uint8Array): Sent {
  const { rejected, message } = readAnswer(headers.get("content-type"), body, ok);
  if (ok) return { kind: "taken", rejected, why: message };
  const why = `it answered ${status}${message === "" ? "" : `: ${message}`}`;
  if (LATER.has(status)) {
    return { kind: "later", afterMs: retryAfterMs(headers.get("retry-after"), Date.now()), why };
  }
  return { kind: "refused", why };
}

/** Reads the beginning of a body. */
async function beginningOf({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MOST_BYTES) break;
  }
  return concat(chunks);
}

async function gzipped(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
