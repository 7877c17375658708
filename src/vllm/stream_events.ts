import { errorStatusOf, type StreamEvent } from "../http/sse_events.ts";

/** The shapes of event streams, by how they tell what their events are. */
export type Dialect = "completions" | "responses" | "messages" | "other";

/** The shape in which an endpoint streams. */
export function dialectOf(path: string): Dialect {
  switch (path.split("?", 1)[0]) {
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

/** What an event is to the answer it belongs to. */
export interface Told {
  readonly kind:
    /** Comes before the engine has begun; it repeats what was asked. */
    | "preamble"
    /** Opens or closes a part of the answer, without a token. */
    | "frame"
    /** Has something that the model generated. */
    | "token"
    /** The last of a stream. */
    | "end"
    | "error";
  /** Why the model stopped, as its `finish_reason` or `stop_reason` says; `abort` is no reason. */
  readonly finish?: string | undefined;
  /** The status that an error tells of. */
  readonly status?: number;
  /** Of an answer that has ended: nothing was generated for it. */
  readonly isEmpty?: boolean;
}

const TOKEN: Told = { kind: "token" };
/** In place of a finish, of an event in no shape that the endpoint should have. */
export const UNKNOWN_SHAPE = "unknown";
const UNKNOWN: Told = { kind: "token", finish: UNKNOWN_SHAPE };
const FRAME: Told = { kind: "frame" };

/** Reads one event. What can't be understood counts as a token: it is passed on. */
export function readEvent({ name, data }: StreamEvent, dialect: Dialect): Told {
  if (data === "[DONE]") return { kind: "end" };
  const status = errorStatusOf(data);
  if (status !== undefined) return { kind: "error", status };
  if (dialect === "other") return TOKEN;
  const event = parsed(data);
  if (!event) return UNKNOWN;
  if (dialect === "completions") return ofCompletion(event);
  const type = String(event.type ?? name ?? "");
  return dialect === "responses" ? ofResponse(type, event) : ofMessage(type, event);
}

function ofCompletion({ choices }: Json): Told {
  if (!Array.isArray(choices)) return UNKNOWN;
  let finish: string | undefined;
  let hasToken = false;
  for (const choice of choices.map(tableOf)) {
    if (typeof choice.finish_reason === "string") {
      if (finish !== "abort") finish = choice.finish_reason;
    }
    const { role: _, ...delta } = tableOf(choice.delta);
    hasToken ||= hasText(choice.text) || hasText(choice.token_ids) ||
      Object.values(delta).some(hasText);
  }
  return { kind: hasToken ? "token" : "frame", finish };
}

/** Whether a field of a delta holds anything. */
function hasText(value: unknown): boolean {
  if (typeof value === "string" || Array.isArray(value)) return value.length > 0;
  return typeof value === "object" && value !== null;
}

const BEFORE_ENGINE = new Set(["response.created", "response.queued", "response.in_progress"]);
const RESPONSE_ENDS = new Set(["response.completed", "response.incomplete"]);

function ofResponse(type: string, event: Json): Told {
  if (BEFORE_ENGINE.has(type)) return { kind: "preamble" };
  if (RESPONSE_ENDS.has(type)) {
    return { kind: "end", finish: type, isEmpty: isEmptyResponse(tableOf(event.response)) };
  }
  if (!type.startsWith("response.")) return UNKNOWN;
  return type.endsWith(".added") || type.endsWith(".done") ? FRAME : TOKEN;
}

function ofMessage(type: string, event: Json): Told {
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
 * Whether a whole answer is one that its server gave up: vLLM ends requests like that when it is
 * told to stop, with status 200.
 *
 * @param body of an answer with a status of success
 */
export function isGivenUp(body: Uint8Array, dialect: Dialect): boolean {
  if (dialect === "other" || body.length > LONGEST_GIVEN_UP) return false;
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

/** An answer without tokens is short, but for what it repeats of its request. */
const LONGEST_GIVEN_UP = 256 * 1024;

/** What an answer that was given up holds somewhere. Others aren't parsed. */
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
