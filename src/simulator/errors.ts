/** A request the server refuses, in the words of vLLM. */
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

/** Status 400, for a value that is out of place. */
export function badRequest(message: string, param: string | null = null): RequestError {
  return new RequestError(400, "BadRequestError", message, param);
}

/** Status 400, for a field that has to be there. */
export function missingField(name: string): RequestError {
  const message = `[{'type': 'missing', 'loc': ('body', '${name}'), 'msg': 'Field required'}]`;
  return new RequestError(400, "Bad Request", message);
}

/** The document that goes with a status that is no success. */
export function errorDocument(
  path: string,
  status: number,
  type: string,
  message: string,
  param: string | null = null,
): unknown {
  if (path.startsWith("/v1/messages")) {
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

/** The error type of a status that a fault asks for. */
export function errorType(status: number): string {
  return TYPES[status] ??
    (status < 500 ? "BadRequestError" : "InternalServerError");
}
