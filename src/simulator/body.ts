import { badRequest } from "./errors.ts";
import type { HttpRequest } from "./http_request.ts";

/** A JSON object of unknown content. */
export type Json = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder();

/** @throws {RequestError} when the body is no JSON object */
export function parseJsonBody(request: HttpRequest): Json {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^application\/json\b/i.test(contentType)) {
    throw badRequest(
      "Unsupported Media Type: Only 'application/json' is allowed",
    );
  }
  let body: unknown;
  try {
    body = JSON.parse(decoder.decode(request.body));
  } catch (error) {
    throw badRequest(`JSON decode error: ${(error as Error).message}`);
  }
  if (!isObject(body)) throw badRequest("Input should be a valid dictionary");
  return body;
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws {RequestError} when the field is there and no whole number in the range */
export function readCount(
  body: Json,
  name: string,
  least: number,
): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || value as number < least) {
    throw badRequest(
      `${name} must be an integer of at least ${least}, got ${value}.`,
      name,
    );
  }
  return value as number;
}
