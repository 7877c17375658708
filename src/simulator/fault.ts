/** Faults that strike one request; others go on undisturbed. */
export type RequestFault =
  & (
    /** The connection ends after the request was read, before any byte of an answer. */
    | { readonly kind: "reset_before_head" }
    /** The connection is dropped after so many tokens. `afterTokens` is 3 by default. */
    | { readonly kind: "reset_mid_stream"; readonly afterTokens?: number }
    /** Not even the head of an answer; the request keeps its place in the engine. */
    | { readonly kind: "hang_before_head" }
    /** The head of a stream and nothing after it. */
    | { readonly kind: "hang_before_first_token" }
    /** No token after so many. `afterTokens` is 3 by default. */
    | { readonly kind: "hang_mid_stream"; readonly afterTokens?: number }
    /** Every step takes `factor` times as long (10 by default). */
    | { readonly kind: "slow"; readonly factor?: number }
    /** An error document with this status (300 to 599), and `retry-after` where it is given. */
    | { readonly kind: "status"; readonly status: number; readonly retryAfterSeconds?: number }
    /** A stream whose only event is an error; the status (500) when no stream is asked for. */
    | { readonly kind: "error_event"; readonly status?: number }
    /** The queue is full, whatever waits: 503, and in a stream the end that its endpoint has. */
    | { readonly kind: "queue_full" }
    /** An error event after so many tokens (3), and a clean end of the stream without `[DONE]`. */
    | { readonly kind: "error_mid_stream"; readonly afterTokens?: number }
    /** Less than announced: half a document, or a stream that stops after its head. */
    | { readonly kind: "truncated" }
    /** Bytes that are no HTTP, and the end of the connection. */
    | { readonly kind: "garbled" }
    /** A Content-Length past the document's end, or past so many tokens (3) of a stream. */
    | { readonly kind: "wrong_length"; readonly afterTokens?: number }
    /** Dropped without a byte where its connection has carried another request before. */
    | { readonly kind: "idle_reset" }
    /** A gateway answers in place of vLLM: its own 401, 403 and so on, HTML and no JSON. */
    | { readonly kind: "gateway_status"; readonly status: number }
    /** An error document with this status under the type of an event stream. */
    | { readonly kind: "status_as_events"; readonly status: number }
    /** A whole document under the type of an event stream, whatever was asked for. */
    | { readonly kind: "document_as_events" }
    /** A stream is compressed with gzip though nobody asked for it. */
    | { readonly kind: "gzip_stream" }
    /** A stream of JSON lines, `application/x-ndjson`, and no `[DONE]`. */
    | { readonly kind: "ndjson_stream" }
    /** A stream of events under the type `text/plain`. */
    | { readonly kind: "plain_stream" }
    /** A stream of events without a content type. */
    | { readonly kind: "untyped_stream" }
    /** A comment after the last event of a stream. */
    | { readonly kind: "comment_after_done" }
    /** A stream with 150 response headers. */
    | { readonly kind: "many_headers" }
  )
  & {
    /** Share of the requests it strikes. @default 1 */
    readonly probability?: number;
    /** Strikes so many requests, then clears itself. @default without end */
    readonly times?: number;
  };

/** Faults of the server as a whole. */
export type ServerFault =
  /** Connections are refused, and idle ones closed; for `seconds`, or until it is cleared. */
  | { readonly kind: "refuse"; readonly seconds?: number }
  /** As `refuse`, but connecting hangs, as it does where packets are dropped. On Linux only. */
  | { readonly kind: "connect_hang"; readonly seconds?: number }
  /** /metrics never answers. */
  | { readonly kind: "metrics_hang" }
  /** /metrics answers 200 with what is no metrics page. */
  | { readonly kind: "metrics_garbage" }
  /** 200 without any line of vLLM's, as with --disable-log-stats. */
  | { readonly kind: "metrics_missing" }
  /** /metrics answers 404. */
  | { readonly kind: "metrics_404" }
  /** /health never answers. */
  | { readonly kind: "health_hang" }
  /** /health answers after so many seconds (5). */
  | { readonly kind: "health_slow"; readonly seconds?: number }
  /** /health answers with this status (300 to 599). */
  | { readonly kind: "health_status"; readonly status: number }
  /** The engine stands still; /health answers, and /metrics what it said when that began. */
  | { readonly kind: "stalled" }
  /**
   * The engine finishes what it has and takes no further request: these get a stream's head and
   * nothing else, and /metrics tells of none of them. Once cleared, the engine serves them.
   */
  | { readonly kind: "stalled_idle" }
  /** The engine sleeps: inference gets 500, and open requests are aborted. */
  | { readonly kind: "sleeping" }
  /**
   * The server has got SIGTERM with default flags. Its port refuses, and open requests end in one of
   * three ways: they end early as if all were well (`abort`, the default), get a 500 (`error`), or
   * get nothing more (`silence`). Once cleared, a new server listens, with an empty cache.
   */
  | { readonly kind: "terminated"; readonly how?: "abort" | "error" | "silence" }
  /**
   * The server has got SIGTERM with --shutdown-timeout. Open requests go on and new ones get 500.
   * When all are done, or after `seconds` (30), the port refuses and what is left is aborted.
   */
  | { readonly kind: "draining"; readonly seconds?: number }
  /** /v1/models answers with this status (500). */
  | { readonly kind: "models_fail"; readonly status?: number };

/** Something wrong with a simulated server. */
export type Fault = RequestFault | ServerFault;

/** Tokens sent before a reset or a hang in mid-stream that says no number. */
export const DEFAULT_AFTER_TOKENS = 3;
/** How many times as long a step takes under `slow` that says no factor. */
export const DEFAULT_SLOW_FACTOR = 10;
/** How long /health takes under `health_slow` that says no number. */
export const DEFAULT_HEALTH_SECONDS = 5;
/** How long a server drains that is told no number. */
export const DEFAULT_DRAIN_SECONDS = 30;
