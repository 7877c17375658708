/** An error from the router itself. docs/errors.md lists all of them. */
export interface ApiError {
  readonly status: number;
  readonly message: string;
  readonly type: string;
  /** A name that programs can compare, always a text: some clients fail on a number. */
  readonly code: string;
  readonly param?: string;
  readonly retryAfterSeconds?: number;
  /** Sending the request again can't help. */
  readonly isLasting?: true;
  /** The model that doesn't exist. Names of models that do are added to the message. */
  readonly unknownModel?: string;
  /** Sends `connection: close`, since the rest of the request is unread. */
  readonly closes?: true;
}

export const badRequest = (message: string, param?: string): ApiError => ({
  status: 400,
  message,
  type: "invalid_request_error",
  code: "invalid_request",
  ...(param && { param }),
});

export const unknownModel = (model: string): ApiError => ({
  status: 404,
  message: `The model \`${model}\` does not exist.`,
  type: "invalid_request_error",
  code: "model_not_found",
  param: "model",
  unknownModel: model,
});

export const tooManyRequests = (maxInFlight: number): ApiError => ({
  status: 503,
  message: `The router is at its limit of ${maxInFlight} requests in flight.`,
  type: "service_unavailable",
  code: "overloaded",
  retryAfterSeconds: 1,
});

export const noRoomForBody: ApiError = {
  status: 503,
  message: "The router's buffer for request bodies is full.",
  type: "service_unavailable",
  code: "overloaded",
  retryAfterSeconds: 1,
};

export const bodyTooLarge = (maxBytes: number): ApiError => ({
  status: 413,
  message: `The body is larger than ${maxBytes / 1024 / 1024} MiB.`,
  type: "invalid_request_error",
  code: "request_too_large",
  closes: true,
});

export const unsupportedEncoding = (encoding: string): ApiError => ({
  status: 415,
  message: `The content encoding \`${encoding}\` is not supported. Send the body unencoded, ` +
    "or encoded with `gzip` or `deflate`.",
  type: "invalid_request_error",
  code: "unsupported_encoding",
  closes: true,
});

export const uploadTooSlow = (timeoutMs: number): ApiError => ({
  status: 408,
  message: `The body arrived at less than 1 KiB/s for ${timeoutMs / 1000} s.`,
  type: "invalid_request_error",
  code: "request_timeout",
  closes: true,
});

export const headTooLarge: ApiError = {
  status: 431,
  message: "The request's headers are too many or too long.",
  type: "invalid_request_error",
  code: "headers_too_large",
};

export const wrongKey: ApiError = {
  status: 401,
  message: "Expected a valid key, as `Authorization: Bearer KEY` or `x-api-key: KEY`.",
  type: "authentication_error",
  code: "invalid_api_key",
};

export const forbiddenModel = (model: string | undefined): ApiError => ({
  status: model === undefined ? 400 : 404,
  message: model === undefined
    ? "Your API key is limited to certain models: specify one in `model`."
    : `The model \`${model}\` does not exist, or your API key may not use it.`,
  type: "invalid_request_error",
  code: model === undefined ? "model_required" : "model_not_found",
  param: "model",
  ...(model !== undefined && { unknownModel: model }),
});

export const unknownResponse = (id: string): ApiError => ({
  status: 404,
  message: `The response \`${id}\` does not exist, or belongs to another API key.`,
  type: "invalid_request_error",
  code: "response_not_found",
});

export const responseGone = (id: string, server: string): ApiError => ({
  status: 404,
  message:
    `The response \`${id}\` was kept by the server ${server}, which is gone. Send the whole ` +
    "conversation instead of `previous_response_id`.",
  type: "invalid_request_error",
  code: "response_gone",
});

export const keyLimitReached: ApiError = {
  status: 429,
  message: "Your API key has reached its request limit.",
  type: "rate_limit_error",
  code: "rate_limit_exceeded",
};

export const tooManyFromClient = (most: number): ApiError => ({
  status: 429,
  message: `Your address is at its limit of ${most} requests in flight.`,
  type: "rate_limit_error",
  code: "rate_limit_exceeded",
  retryAfterSeconds: 1,
});

export const noWebSocket: ApiError = {
  status: 501,
  message: "WebSocket connections are supported at /v1/realtime only.",
  type: "not_implemented_error",
  code: "not_implemented",
  isLasting: true,
};

export const internalError: ApiError = {
  status: 500,
  message: "The router failed to handle the request.",
  type: "internal_error",
  code: "internal_error",
};

/** @param similar the path that may be meant */
export const notFound = (path: string, similar?: string): ApiError => ({
  status: 404,
  message: `The path ${path} does not exist.${similar ? ` Did you mean ${similar}?` : ""}`,
  type: "invalid_request_error",
  code: "unknown_path",
});

export const methodNotAllowed = (method: string, path: string): ApiError => ({
  status: 405,
  message: `The method ${method} is not allowed for ${path}.`,
  type: "invalid_request_error",
  code: "method_not_allowed",
});

export const shuttingDown: ApiError = {
  status: 503,
  message: "The router is shutting down.",
  type: "service_unavailable",
  code: "shutting_down",
  retryAfterSeconds: 1,
};
