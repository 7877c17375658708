import type { ClientError } from "../fleet/health/outlier_detection.ts";

export type { ClientError } from "../fleet/health/outlier_detection.ts";

/** Longer errors are not vLLM's. */
const LONGEST_ERROR = 64 * 1024;
const decoder = new TextDecoder();

/** Classifies an answer with a status of 400 to 499. */
export function clientErrorIn(status: number, body: Uint8Array): ClientError {
  const text = body.length <= LONGEST_ERROR ? decoder.decode(body) : "";
  const error = errorIn(text);
  return {
    status,
    isVllmError: error !== undefined,
    isUnknownModel: status === 404 && saysUnknownModel(error),
    ...((status === 400 || status === 422) && error !== undefined && TOO_LONG.test(text) &&
      { isTooLong: true }),
  };
}

/** FastAPI's answers for a path, or a method of a path, that the server doesn't have. */
const NO_PATH = /^\{"detail": ?"(?:Not Found|Method Not Allowed)"\}\s*$/;

/** Whether a server says that it doesn't have the path. */
export function lacksPath(status: number, body: Uint8Array): boolean {
  return (status === 404 || status === 405) && body.length < 100 &&
    NO_PATH.test(decoder.decode(body));
}

/** How vLLM, SGLang, llama.cpp, TensorRT-LLM and TGI report that a prompt exceeds their context. */
const TOO_LONG =
  /maximum context length|max_model_len|model's context length|exceed_context_size_error|should not exceed max_|`inputs` (?:tokens|must have less)/;

/** Error of a server that is shutting down gracefully (`--shutdown-timeout`). */
const AFTER_SHUTDOWN = /"message": ?"cannot schedule new futures after shutdown"/;
/** A JSON document or an event. Any other page may echo the client's text. */
const VLLM_FORMAT = /^\s*(?:\{|data:|event:)/;

/** Whether an error is that of a server shutting down. */
export function isShutdown(body: Uint8Array): boolean {
  if (body.length > LONGEST_ERROR) return false;
  const text = decoder.decode(body);
  return VLLM_FORMAT.test(text) && AFTER_SHUTDOWN.test(text);
}

/**
 * Returns the error from a body in one of vLLM's shapes: an object or string under `error`, the
 * same fields at the top level (before 0.10.1), or FastAPI's `detail`.
 */
export function errorIn(text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body !== "object" || body === null) return undefined;
    const { error, detail, object, type } = body as Record<string, unknown>;
    if (object === "error" || type === "error") return error ?? body;
    return error ?? detail ?? undefined;
  } catch {
    return undefined;
  }
}

/** Types of vLLM's error, Ollama's and LMDeploy's, all with a 404. */
const NOT_FOUND: ReadonlySet<unknown> = new Set([
  "NotFoundError",
  "not_found_error",
  "invalid_request_error",
]);

function saysUnknownModel(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { message, type } = error as Record<string, unknown>;
  return NOT_FOUND.has(type) && typeof message === "string" && /\bmodel\b/.test(message);
}
