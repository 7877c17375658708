import type { ApiError } from "./api_errors.ts";
import type { Head } from "./exchange.ts";
import { pathIn } from "./paths.ts";

/** The formats of errors. Only in a stream do those of `/v1/responses` differ from OpenAI's other. */
export type ErrorFormat = "openai" | "responses" | "anthropic";

/** Returns the format of an endpoint's errors. */
export function errorFormatOf(target: string): ErrorFormat {
  if (isAnthropic(target)) return "anthropic";
  return /^\/v1\/responses(?:\/|$)/.test(pathIn(target)) ? "responses" : "openai";
}

/** Returns the headers that give the client the id of its request. */
export function idHead(id: string, target: string): [string, string][] {
  // Anthropic's SDKs read the second one.
  return isAnthropic(target) ? [["x-request-id", id], ["request-id", id]] : [["x-request-id", id]];
}

/** Whether a target is of Anthropic's API. */
export function isAnthropic(target: string): boolean {
  return target.startsWith("/v1/messages");
}

/**
 * Serialises an error: as `{"error":{"message","type","param","code"}}`, or in Anthropic's format
 * as `{"type":"error","error":{"type","message"},"request_id"}`.
 */
export function errorBody(error: ApiError, format: ErrorFormat = "openai", id?: string): string {
  const { message, type, param = null, code } = error;
  return JSON.stringify(
    format === "anthropic"
      ? {
        type: "error",
        error: { type: anthropicType(error.status), message },
        request_id: id ?? null,
      }
      : { error: { message, type, param, code } },
  );
}

/** Anthropic's names of errors; those that it lacks have the name of the nearest one. */
function anthropicType(status: number): string {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
      return "overloaded_error";
    case 504:
      return "timeout_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

/** SDKs don't wait longer than this, and would try again too early instead. */
const LONGEST_WAIT_SECONDS = 60;

/**
 * Returns the headers of an error response: the given ones and its own. The SDKs of OpenAI and
 * Anthropic read `retry-after-ms` before `retry-after`, and obey `x-should-retry`.
 */
export function errorHead(error: ApiError, head: Head = []): Head {
  const { retryAfterSeconds, closes } = error;
  const own: [string, string][] = [["content-type", "application/json"]];
  if (retryAfterSeconds !== undefined) {
    own.push(["retry-after", String(Math.ceil(retryAfterSeconds))]);
  }
  // A key's limits have given their own.
  const given = head.find(([name]) => name === "retry-after");
  const seconds = retryAfterSeconds ?? (given && Number(given[1]));
  if (seconds !== undefined) own.push(["retry-after-ms", String(Math.ceil(seconds * 1000))]);
  if (error.isLasting || (seconds ?? 0) > LONGEST_WAIT_SECONDS) {
    own.push(["x-should-retry", "false"]);
  }
  if (closes) own.push(["connection", "close"]);
  return [...head, ...own];
}

/** The request that an error answers. */
export interface Failed {
  readonly target: string;
  readonly id: string;
}

/** Returns an error response, in the format of the request's endpoint. */
export function errorResponse(error: ApiError, head: Head = [], failed?: Failed): Response {
  const { target = "", id } = failed ?? {};
  const ids = id === undefined ? [] : idHead(id, target);
  const headers = errorHead(error, [...ids, ...head]) as [string, string][];
  return new Response(errorBody(error, errorFormatOf(target), id), {
    status: error.status,
    headers,
  });
}
