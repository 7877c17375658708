/** Faults that hit single requests and leave all others undisturbed. */
export type RequestFault =
  & (
    /** Closes the connection after reading the request, before any byte of the answer. */
    | { readonly kind: "reset_before_head" }
    /** Drops the connection after `afterTokens` tokens (3 by default). */
    | { readonly kind: "reset_mid_stream"; readonly afterTokens?: number }
    /** Never sends the response head. The request keeps its place in the engine. */
    | { readonly kind: "hang_before_head" }
    /** Sends the head of a stream and nothing after it. */
    | { readonly kind: "hang_before_first_token" }
    /** Sends nothing more after `afterTokens` tokens (3 by default). */
    | { readonly kind: "hang_mid_stream"; readonly afterTokens?: number }
    /** Makes every step take `factor` times as long (10 by default). */
    | { readonly kind: "slow"; readonly factor?: number }
    /** Answers with an error document of this status (300 to 599) and `retry-after`, if given. */
    | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
    /** Sends an error as the only event of a stream; without streaming, the status (500). */
    | { readonly kind: "error_event"; readonly status?: number }
    /** Reports a full queue at any length: 503, or in a stream the endpoint's error ending. */
    | { readonly kind: "queue_full" }
    /** Sends an error event after `afterTokens` (3) tokens and ends the stream without `[DONE]`. */
    | { readonly kind: "error_mid_stream"; readonly afterTokens?: number }
    /** Sends less than declared: half a document, or a stream that stops after its head. */
    | { readonly kind: "truncated" }
    /** Sends bytes that are not HTTP and closes the connection. */
    | { readonly kind: "garbled" }
    /** Declares a Content-Length past the end of the document, or past `afterTokens` (3) tokens. */
    | { readonly kind: "wrong_length"; readonly afterTokens?: number }
    /** Drops a reused connection without sending a byte. */
    | { readonly kind: "idle_reset" }
    /** A gateway answers instead of vLLM, with its own 401, 403 and so on, in HTML, not JSON. */
    | { readonly kind: "gateway_status"; readonly status: number }
    /** Sends an error document of this status with the content type of an event stream. */
    | { readonly kind: "status_as_events"; readonly status: number }
    /** Sends a whole document with the content type of an event stream, for any request. */
    | { readonly kind: "document_as_events" }
    /** Compresses a stream with gzip though the client did not ask for it. */
    | { readonly kind: "gzip_stream" }
    /** Streams JSON lines (`application/x-ndjson`) without `[DONE]`. */
    | { readonly kind: "ndjson_stream" }
    /** Streams events with the content type `text/plain`. */
    | { readonly kind: "plain_stream" }
    /** Streams events without a content type. */
    | { readonly kind: "untyped_stream" }
    /** Sends a comment after the last event of a stream. */
    | { readonly kind: "comment_after_done" }
    /** Streams with 150 response headers. */
    | { readonly kind: "many_headers" }
  )
  & {
    /** Share of the requests it hits, 0 to 1. @default 1 */
    readonly probability?: number;
    /** Number of requests it hits before it clears itself. @default unlimited */
    readonly times?: number;
  };

/** Faults of the whole server. */
export type ServerFault =
  /** Refuses connections and closes idle ones, for `seconds` or until cleared. */
  | { readonly kind: "refuse"; readonly seconds?: number }
  /** Like `refuse`, but connecting hangs, as if packets were dropped. Linux only. */
  | { readonly kind: "connect_hang"; readonly seconds?: number }
  /** /metrics never answers. */
  | { readonly kind: "metrics_hang" }
  /** /metrics answers 200 with bytes that are not a metrics page. */
  | { readonly kind: "metrics_garbage" }
  /** /metrics answers 200 without any vLLM metric, as with --disable-log-stats. */
  | { readonly kind: "metrics_missing" }
  /** /metrics answers 404. */
  | { readonly kind: "metrics_404" }
  /** /health never answers. */
  | { readonly kind: "health_hang" }
  /** /health answers after `seconds` (5). */
  | { readonly kind: "health_slow"; readonly seconds?: number }
  /** /health answers with this status (300 to 599). */
  | { readonly kind: "health_status"; readonly status: number }
  /** The engine is stalled. /health answers; /metrics repeats the page from the stall's start. */
  | { readonly kind: "stalled" }
  /**
   * The engine finishes its current work but takes no new requests. New requests get the head of a
   * stream and nothing else, and /metrics does not count them. Clearing the fault serves them.
   */
  | { readonly kind: "stalled_idle" }
  /** The engine sleeps. Open requests are aborted and inference gets 500. */
  | { readonly kind: "sleeping" }
  /**
   * The server has received SIGTERM with default flags. Its port refuses connections. Open requests
   * end early as if they were complete (`abort`, the default), get a 500 (`error`), or get nothing
   * more (`silence`). Clearing the fault starts a new server with an empty cache.
   */
  | { readonly kind: "terminated"; readonly how?: "abort" | "error" | "silence" }
  /**
   * The server has received SIGTERM with --shutdown-timeout. Open requests continue; new ones get
   * 500. When all are done, or after `seconds` (30), the port refuses connections and remaining
   * requests are aborted.
   */
  | { readonly kind: "draining"; readonly seconds?: number }
  /** /v1/models answers with this status (500). */
  | { readonly kind: "models_fail"; readonly status?: number };

/** A fault of a simulated server. */
export type Fault = RequestFault | ServerFault;

/** Default number of tokens sent before a fault that breaks or hangs a stream. */
export const DEFAULT_AFTER_TOKENS = 3;
/** Default factor of `slow`. */
export const DEFAULT_SLOW_FACTOR = 10;
/** Default `seconds` of `health_slow`. */
export const DEFAULT_HEALTH_SECONDS = 5;
/** Default `seconds` of `draining`. */
export const DEFAULT_DRAIN_SECONDS = 30;
