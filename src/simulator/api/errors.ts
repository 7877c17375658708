/** A refused request, with vLLM's error message. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string,
    readonly param: string | null = null,
  ) {
    super(message);
  }
}

/** Returns a 400 error for an invalid value. */
export function badRequest(message: string, param: string | null = null): RequestError {
  return new RequestError(400, "BadRequestError", message, param);
}

/** Returns a 400 error for a missing required field. */
export function missingField(name: string): RequestError {
  const message = `[{'type': 'missing', 'loc': ('body', '${name}'), 'msg': 'Field required'}]`;
  return new RequestError(400, "Bad Request", message);
}

/** Builds the body of an error response in the format of the endpoint at `path`. */
export function errorDocument(
  path: string,
  status: number,
  type: string,
  message: string,
  param: string | null = null,
): unknown {
  if (path.startsWith("/v1/messages") && !path.endsWith("/render")) {
    return { type: "error", error: { type, message } };
  }
  return { error: { message, type, param, code: status } };
}

const TYPES: Record<number, string> = {
  429: "RateLimitError",
  500: "InternalServerError",
  501: "NotImplementedError",
  502: "BadGatewayError",
  503: "ServiceUnavailableError",
  504: "GatewayTimeoutError",
};

/** Returns vLLM's error type for a status. */
export function errorType(status: number): string {
  return TYPES[status] ??
    (status < 500 ? "BadRequestError" : "InternalServerError");
}
