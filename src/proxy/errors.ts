import type { Outcome } from "../fleet/outcome.ts";

/** An error of the router's own, in the shape OpenAI clients know. */
export interface ApiError {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly param?: string;
  readonly retryAfterSeconds?: number;
}

/** `{"error":{"message","type","param","code"}}`, with the status as the code. */
export function errorBody(error: ApiError): string {
  const { message, type, param = null, status: code } = error;
  return JSON.stringify({ error: { message, type, param, code } });
}

export function errorResponse(
  error: ApiError,
  headers: HeadersInit = {},
): Response {
  const response = new Response(errorBody(error), {
    status: error.status,
    headers,
  });
  response.headers.set("content-type", "application/json");
  response.headers.set("access-control-allow-origin", "*");
  if (error.retryAfterSeconds !== undefined) {
    response.headers.set(
      "retry-after",
      String(Math.ceil(error.retryAfterSeconds)),
    );
  }
  return response;
}

const encoder = new TextEncoder();

/**
 * The event that tells a client that its stream broke. It starts with a blank line, so that it
 * stands apart from an event that broke off in the middle.
 */
export function errorEvent(error: ApiError): Uint8Array<ArrayBuffer> {
  return encoder.encode(`\n\ndata: ${errorBody(error)}\n\n`);
}

export const badRequest = (message: string, param?: string): ApiError => ({
  status: 400,
  message,
  type: "invalid_request_error",
  ...(param && { param }),
});

export const unknownModel = (model: string): ApiError => ({
  status: 404,
  message: `The model \`${model}\` does not exist.`,
  type: "invalid_request_error",
  param: "model",
});

export const noServer = (
  retryAfterSeconds: number,
  model?: string,
): ApiError => ({
  status: 503,
  message: model === undefined
    ? "No server is available at the moment."
    : `No server of the model \`${model}\` is available at the moment.`,
  type: "service_unavailable",
  retryAfterSeconds,
});

export const serversFailed: ApiError = {
  status: 502,
  message: "No server could answer the request.",
  type: "bad_gateway",
};

export const serversSilent = (timeoutMs: number): ApiError => ({
  status: 504,
  message: `No server answered within ${timeoutMs / 1000} s.`,
  type: "gateway_timeout",
});

/** What the client of a stream hears when its server breaks off or falls silent. */
export function brokenStream(outcome: Outcome, timeoutMs: number): ApiError {
  return outcome === "timeout"
    ? {
      status: 504,
      message: `The server fell silent for ${timeoutMs / 1000} s in the middle of its answer.`,
      type: "gateway_timeout",
    }
    : {
      status: 502,
      message: "The server broke off in the middle of its answer.",
      type: "bad_gateway",
    };
}

export const internalError: ApiError = {
  status: 500,
  message: "The router failed to handle the request.",
  type: "internal_error",
};

export const notFound = (path: string): ApiError => ({
  status: 404,
  message: `There is nothing at ${path}.`,
  type: "invalid_request_error",
});

export const methodNotAllowed = (method: string, path: string): ApiError => ({
  status: 405,
  message: `${method} is not possible at ${path}.`,
  type: "invalid_request_error",
});

export const shuttingDown: ApiError = {
  status: 503,
  message: "The router is shutting down.",
  type: "service_unavailable",
  retryAfterSeconds: 1,
};
