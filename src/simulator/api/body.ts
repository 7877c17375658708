import { badRequest, invalidFields, invalidValue, RequestError } from "./errors.ts";
import type { HttpRequest } from "../http/http_request.ts";
import { toPython } from "./python.ts";

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
    const message = "Unsupported Media Type: Only 'application/json' is allowed";
    throw new RequestError(400, "Bad Request", `1 validation error:\n  ${message}`);
  }
  if (request.body.length === 0) {
    throw invalidFields([{ type: "missing", loc: "body", msg: "Field required", input: null }]);
  }
  const text = decoder.decode(request.body);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw invalidJson((error as Error).message, text.length);
  }
  if (!isObject(body)) {
    const msg = "Input should be a valid dictionary or object to extract fields from";
    throw invalidFields([{ type: "model_attributes_type", loc: "body", msg, input: body }]);
  }
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
    const got = typeof value === "number" ? value : toPython(value);
    throw invalidValue(`${name} must be at least ${least}, got ${got}.`, name, got);
  }
  return value as number;
}

/** What Python says where the engine says this. */
const PYTHON_WORDS: readonly (readonly [says: RegExp, words: string])[] = [
  [
    /Expected property name|double-quoted property name/,
    "Expecting property name enclosed in double quotes",
  ],
  [/Expected ',' or/, "Expecting ',' delimiter"],
  [/Expected ':'/, "Expecting ':' delimiter"],
  [/Unterminated string/, "Unterminated string starting at"],
  [/non-whitespace character after/, "Extra data"],
  [/control character/, "Invalid control character at"],
];

function invalidJson(message: string, length: number): RequestError {
  const position = /at position (\d+)/.exec(message)?.[1] ?? length;
  const error = PYTHON_WORDS.find(([says]) => says.test(message))?.[1] ?? "Expecting value";
  return invalidFields([{
    type: "json_invalid",
    loc: `body.${position}`,
    msg: "JSON decode error",
    input: {},
    ctx: { error },
  }]);
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
