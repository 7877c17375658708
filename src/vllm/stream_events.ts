import { pathIn } from "../http/paths.ts";
import type { StreamEvent } from "../http/sse_events.ts";
import { errorStatusOf } from "./error_event.ts";

/** Formats of event streams. */
export type Dialect = "completions" | "responses" | "messages" | "other";

/** Returns the stream format of an endpoint. */
export function dialectOf(path: string): Dialect {
  // Stored ones are read again in the same format.
  if (path.startsWith("/v1/responses/")) return "responses";
  switch (pathIn(path)) {
    case "/v1/chat/completions":
    case "/v1/completions":
    case "/inference/v1/generate":
      return "completions";
    case "/v1/responses":
      return "responses";
    case "/v1/messages":
      return "messages";
    default:
      return "other";
  }
}

/** The role of an event in its answer. */
export interface EventInfo {
  readonly kind:
    /** Precedes the engine's start and repeats the request. */
    | "preamble"
    /** Opens or closes a part of the answer without a token. */
    | "frame"
    /** Contains generated content. */
    | "token"
    /** Ends the stream. */
    | "end"
    | "error";
  /**
   * The `finish_reason`, the `stop_reason` or the status of a response. An `abort` overrides other
   * choices' reasons.
   */
  readonly finish?: string | undefined;
  /** Status of an error event. */
  readonly status?: number;
  /** The answer ended without generated content. */
  readonly isEmpty?: boolean;
}

const TOKEN: EventInfo = { kind: "token" };
/** Stands for the finish reason of an event in an unexpected format. */
export const UNKNOWN_SHAPE = "unknown";
const UNKNOWN: EventInfo = { kind: "token", finish: UNKNOWN_SHAPE };
const FRAME: EventInfo = { kind: "frame" };

/** Classifies an event. An unknown one counts as a token and is passed on. */
export function readEvent({ name, data }: StreamEvent, dialect: Dialect): EventInfo {
  if (data === "[DONE]") return { kind: "end" };
  const status = errorStatusOf(data);
  if (status !== undefined) return { kind: "error", status };
  if (dialect === "other") return TOKEN;
  const event = parsed(data);
  if (!event) return UNKNOWN;
  if (dialect === "completions") return ofCompletion(event);
  const type = typeof event.type === "string" ? event.type : name ?? "";
  return dialect === "responses" ? ofResponse(type, event) : ofMessage(type, event);
}

function ofCompletion({ choices }: Json): EventInfo {
  if (!Array.isArray(choices)) return UNKNOWN;
  let finish: string | undefined;
  let hasToken = false;
  for (const choice of choices.map(tableOf)) {
    // TGI writes an empty one in each event of a text completion.
    if (typeof choice.finish_reason === "string" && choice.finish_reason !== "") {
      if (finish !== "abort") finish = choice.finish_reason;
    }
    const { role: _, ...delta } = tableOf(choice.delta);
    hasToken ||= hasText(choice.text) || hasText(choice.token_ids) ||
      Object.values(delta).some(hasText);
  }
  return { kind: hasToken ? "token" : "frame", finish };
}

/** Whether a field of a delta has content. */
function hasText(value: unknown): boolean {
  if (typeof value === "string" || Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null;
}

const BEFORE_ENGINE = new Set(["response.created", "response.queued", "response.in_progress"]);
const RESPONSE_ENDS = new Set(["response.completed", "response.incomplete"]);

function ofResponse(type: string, event: Json): EventInfo {
  if (BEFORE_ENGINE.has(type)) return { kind: "preamble" };
  if (RESPONSE_ENDS.has(type)) {
    const response = tableOf(event.response);
    // For an incomplete response, vLLM sends `response.completed` too: only its status differs.
    const finish = stringOf(response.status) ?? type.slice("response.".length);
    return { kind: "end", finish, isEmpty: isEmptyResponse(response) };
  }
  if (!type.startsWith("response.")) return UNKNOWN;
  return type.endsWith(".added") || type.endsWith(".done") ? FRAME : TOKEN;
}

function ofMessage(type: string, event: Json): EventInfo {
  switch (type) {
    case "message_stop":
      return { kind: "end" };
    case "message_delta":
      return {
        kind: "frame",
        finish: stringOf(tableOf(event.delta).stop_reason),
        isEmpty: tableOf(event.usage).output_tokens === 0,
      };
    case "content_block_delta":
      return TOKEN;
    case "message_start":
    case "content_block_start":
    case "content_block_stop":
    case "ping":
      return FRAME;
    default:
      return UNKNOWN;
  }
}

/**
 * Whether an unstreamed answer was aborted by its server. vLLM ends requests like this, with
 * status 200, when it is stopped.
 *
 * @param body body of an answer with a status of success
 */
export function wasAborted(body: Uint8Array, dialect: Dialect): boolean {
  if (dialect === "other" || body.length > LONGEST_ABORTED) return false;
  const text = decoder.decode(body);
  if (!SIGNS[dialect].test(text)) return false;
  const answer = parsed(text);
  if (!answer) return false;
  switch (dialect) {
    case "completions":
      return Array.isArray(answer.choices) &&
        answer.choices.some((choice) => tableOf(choice).finish_reason === "abort");
    case "responses":
      return answer.status === "completed" && isEmptyResponse(answer);
    case "messages":
      return Array.isArray(answer.content) && tableOf(answer.usage).output_tokens === 0 &&
        answer.content.every((block) => tableOf(block).text === "");
  }
}

/** An answer without tokens is short, except for what it repeats from the request. */
const LONGEST_ABORTED = 256 * 1024;

/** Text that every aborted answer contains. Other answers aren't parsed. */
const SIGNS = {
  completions: /"finish_reason": ?"abort"/,
  responses: /"output": ?\[/,
  messages: /"output_tokens": ?0\b/,
} as const;

function isEmptyResponse({ output, usage }: Json): boolean {
  if (!Array.isArray(output)) return false;
  const tokens = tableOf(usage).output_tokens;
  return output.length === 0 ? tokens === undefined || tokens === 0 : tokens === 0;
}

type Json = Record<string, unknown>;
const decoder = new TextDecoder();

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Json : undefined;
  } catch {
    return undefined;
  }
}

function tableOf(value: unknown): Json {
  return typeof value === "object" && value !== null ? value as Json : {};
}

function stringOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
