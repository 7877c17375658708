import { badRequest } from "./errors.ts";
import type { HttpRequest } from "../http/http_request.ts";

/** A JSON object of unknown content. */
export type Json = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder();
const latin1 = new TextDecoder("latin1");

/**
 * Parses a JSON body that is an object.
 *
 * @throws {RequestError} when the body is not a JSON object
 */
export function parseJsonBody(request: HttpRequest): Json {
  const contentType = request.headers.get("content-type") ?? "";
  if (!/^application\/json\b/i.test(contentType)) {
    throw badRequest("Unsupported Media Type: Only 'application/json' is allowed");
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

/**
 * Parses the fields of a multipart form by name. The last field with a given name wins.
 *
 * @throws {RequestError} when the body is not a multipart form
 */
export function parseFormBody(request: HttpRequest): Map<string, Uint8Array> {
  const contentType = request.headers.get("content-type") ?? "";
  const boundary = /^multipart\/form-data\b.*\bboundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) {
    throw badRequest("Expected a body of type multipart/form-data");
  }
  return parseMultipart(request.body, boundary);
}

/** Returns true for a JSON object, false for arrays, null and primitive values. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads an integer of at least `least`, or undefined when the field is missing or null.
 *
 * @throws {RequestError} when it is anything else
 */
export function readCount(body: Json, name: string, least: number): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (!Number.isSafeInteger(value) || value as number < least) {
    throw badRequest(`${name} must be an integer of at least ${least}, got ${value}.`, name);
  }
  return value as number;
}

function parseMultipart(body: Uint8Array, boundary: string): Map<string, Uint8Array> {
  // In Latin-1 every byte is one character, so text and byte positions agree.
  const text = latin1.decode(body);
  const mark = `--${boundary}`;
  const fields = new Map<string, Uint8Array>();
  let start = text.indexOf(mark);
  while (start >= 0) {
    const end = text.indexOf(`\r\n${mark}`, start);
    const headEnd = text.indexOf("\r\n\r\n", start);
    if (end < 0 || headEnd < 0) break;
    const name = /\bname="([^"]*)"/.exec(text.slice(start, headEnd))?.[1];
    if (name !== undefined) fields.set(name, body.subarray(headEnd + 4, end));
    start = end + 2;
  }
  return fields;
}
