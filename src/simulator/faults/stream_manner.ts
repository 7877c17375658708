import type { RequestFault } from "./fault.ts";
import { createGzip, type Gzip } from "../http/gzip.ts";
import type { ResponseHeaders } from "../http/http_response.ts";

/** How a stream is sent. The events themselves are always vLLM's. */
export interface StreamManner {
  readonly headers: ResponseHeaders;
  /** Converts an event or a comment to another format. */
  readonly rewrite?: (event: string) => string;
  readonly compress?: () => Gzip;
  /** Sent after the last event. */
  readonly afterwards?: string;
}

export const EVENT_STREAM: ResponseHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
};

const MORE_HEADERS = 150;

const MANNERS: { readonly [kind in RequestFault["kind"]]?: StreamManner } = {
  gzip_stream: {
    headers: { ...EVENT_STREAM, "content-encoding": "gzip" },
    compress: createGzip,
  },
  ndjson_stream: { headers: { "content-type": "application/x-ndjson" }, rewrite: toJsonLines },
  plain_stream: { headers: { "content-type": "text/plain; charset=utf-8" } },
  untyped_stream: { headers: {} },
  comment_after_done: { headers: EVENT_STREAM, afterwards: ": bye\n\n" },
  many_headers: {
    headers: {
      ...EVENT_STREAM,
      ...Object.fromEntries(
        Array.from({ length: MORE_HEADERS }, (_, index) => [`x-gateway-${index}`, "on"]),
      ),
    },
  },
};

const PLAIN: StreamManner = { headers: EVENT_STREAM };

/** Returns how a stream is sent under `fault`. */
export function streamManner(fault: RequestFault | null): StreamManner {
  return fault === null ? PLAIN : MANNERS[fault.kind] ?? PLAIN;
}

/** Returns the JSON of the events, one per line, and drops everything else. */
function toJsonLines(events: string): string {
  const lines = events.split("\n").filter((line) => line.startsWith("data: {"));
  return lines.map((line) => `${line.slice("data: ".length)}\n`).join("");
}
