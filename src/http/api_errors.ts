import type { Head } from "./exchange.ts";

/** An error from the router itself, in OpenAI's format. */
export interface ApiError {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  readonly param?: string;
  readonly retryAfterSeconds?: number;
  /** Sends `connection: close`, since the rest of the request is unread. */
  readonly closes?: true;
}

/** Serialises an error as `{"error":{"message","type","param","code"}}`; `code` is the status. */
export function errorBody(error: ApiError): string {
  const { message, type, param = null, status: code } = error;
  return JSON.stringify({ error: { message, type, param, code } });
}

/** Returns the headers of an error response: the given ones and its own. */
export function errorHead(error: ApiError, head: Head = []): Head {
  const { retryAfterSeconds, closes } = error;
  return [
    ...head,
    ["content-type", "application/json"],
    ...(retryAfterSeconds === undefined
      ? []
      : [["retry-after", String(Math.ceil(retryAfterSeconds))] as const]),
    ...(closes ? [["connection", "close"] as const] : []),
  ];
}

export function errorResponse(error: ApiError, head: Head = []): Response {
  const headers = errorHead(error, head) as [string, string][];
  return new Response(errorBody(error), { status: error.status, headers });
}

const encoder = new TextEncoder();

/**
 * Returns the event that reports a broken stream to the client. It starts with a blank line, which
 * separates it from a truncated event.
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

export const tooManyRequests = (maxInFlight: number): ApiError => ({
  status: 503,
  message: `The router is at its limit of ${maxInFlight} requests in flight.`,
  type: "service_unavailable",
  retryAfterSeconds: 1,
});

export const noRoomForBody: ApiError = {
  status: 503,
  message: "The router's buffer for request bodies is full.",
  type: "service_unavailable",
  retryAfterSeconds: 1,
};

export const bodyTooLarge = (maxBytes: number): ApiError => ({
  status: 413,
  message: `The body is larger than ${maxBytes / 1024 / 1024} MiB.`,
  type: "invalid_request_error",
  closes: true,
});

export const unsupportedEncoding = (encoding: string): ApiError => ({
  status: 415,
  message: `The content encoding \`${encoding}\` is not supported. Send the body unencoded, ` +
    "or encoded with `gzip` or `deflate`.",
  type: "invalid_request_error",
  closes: true,
});

export const uploadTooSlow = (timeoutMs: number): ApiError => ({
  status: 408,
  message: `The body arrived at less than 1 KiB/s for ${timeoutMs / 1000} s.`,
  type: "invalid_request_error",
  closes: true,
});

export const headTooLarge: ApiError = {
  status: 431,
  message: "The request's headers are too many or too long.",
  type: "invalid_request_error",
};

export const wrongKey: ApiError = {
  status: 401,
  message: "Expected a valid key, as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
  type: "authentication_error",
};

export const forbiddenModel = (model: string | undefined): ApiError => ({
  status: model === undefined ? 400 : 404,
  message: model === undefined
    ? "Your API key is limited to certain models: specify one in `model`."
    : `The model \`${model}\` does not exist, or your API key may not use it.`,
  type: "invalid_request_error",
  param: "model",
});

export const keyLimitReached: ApiError = {
  status: 429,
  message: "Your API key has reached its request limit.",
  type: "rate_limit_error",
};

export const tooManyFromClient = (most: number): ApiError => ({
  status: 429,
  message: `Your address is at its limit of ${most} requests in flight.`,
  type: "rate_limit_error",
  retryAfterSeconds: 1,
});

export const noWebSocket: ApiError = {
  status: 501,
  message: "WebSocket connections are supported at /v1/realtime only.",
  type: "not_implemented_error",
};

export const internalError: ApiError = {
  status: 500,
  message: "The router failed to handle the request.",
  type: "internal_error",
};

export const notFound = (path: string): ApiError => ({
  status: 404,
  message: `The path ${path} does not exist.`,
  type: "invalid_request_error",
});

export const methodNotAllowed = (method: string, path: string): ApiError => ({
  status: 405,
  message: `The method ${method} is not allowed for ${path}.`,
  type: "invalid_request_error",
});

export const shuttingDown: ApiError = {
  status: 503,
  message: "The router is shutting down.",
  type: "service_unavailable",
  retryAfterSeconds: 1,
};
