import { toPython } from "./python.ts";

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

/** Returns a 400 error. */
export function badRequest(message: string, param: string | null = null): RequestError {
  return new RequestError(400, "BadRequestError", message, param);
}

/** Returns a 400 error for a value, which the message repeats as vLLM's do. */
export function invalidValue(
  message: string,
  param: string,
  value?: string | number,
): RequestError {
  const extras = value === undefined ? "" : `, value=${value}`;
  return badRequest(`${message} (parameter=${param}${extras})`, param);
}

/** A field that doesn't have the type it must have, in the words of pydantic. */
export interface FieldError {
  readonly type: string;
  /** Such as `body.messages`. */
  readonly loc: string;
  readonly msg: string;
  readonly input: unknown;
  readonly ctx?: unknown;
}

/** vLLM reports this many. */
const MAX_REPORTED = 10;

/** Returns a 400 error for fields of the wrong type. */
export function invalidFields(errors: readonly FieldError[]): RequestError {
  const lines = errors.slice(0, MAX_REPORTED).map((error) =>
    `  ${toPython({ ...error, input: summarize(error.input) })}`
  );
  const label = errors.length === 1 ? "error" : "errors";
  const message = `${errors.length} validation ${label}:\n${lines.join("\n")}`;
  return new RequestError(400, "Bad Request", message, errors[0]!.loc);
}

/** Returns a 400 error for a missing required field of this body. */
export function missingField(name: string, body: unknown = {}): RequestError {
  const loc = `body.${name}`;
  return invalidFields([{ type: "missing", loc, msg: "Field required", input: body }]);
}

/** Containers are described, and long texts cut. */
function summarize(input: unknown): string {
  if (Array.isArray(input)) return `<list of ${input.length} items>`;
  if (typeof input === "object" && input !== null) {
    return `<dict of ${Object.keys(input).length} items>`;
  }
  const text = typeof input === "string" ? input : toPython(input);
  return text.length > 200 ? `${text.slice(0, 200)}...[truncated]` : text;
}

/** Builds the body of an error response in the format of the endpoint at `path`. */
export function errorDocument(
  path: string,
  status: number,
  type: string,
  message: string,
  param: string | null = null,
): unknown {
  // Fields of the wrong type are refused before the endpoint is asked.
  const isOwn = type !== "Bad Request" && !path.endsWith("/render");
  if (path.startsWith("/v1/messages") && isOwn) {
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
