import { type Range, stringAfter } from "./token_event.ts";

/** Endpoints whose events tell the answer's text, but not its token ids. */
export type TextEndpoint = "messages" | "responses";

/** What an event does to the text of an answer. */
export type TextEvent =
  /** Adds this text: its range, without the quotes. */
  | { readonly kind: "text"; readonly at: Range }
  /** Opens the answer, or its text. */
  | { readonly kind: "opens" }
  /** Closes the text. */
  | { readonly kind: "closes" }
  /** Tells why the answer is over. */
  | { readonly kind: "finishes" }
  /** Tells that the server aborted the answer. */
  | { readonly kind: "aborts" }
  | { readonly kind: "calls_tool" }
  /** Reports the server's error. */
  | { readonly kind: "error" }
  /** Changes nothing. */
  | { readonly kind: "nothing" }
  /** Adds something other than text, or isn't as vLLM writes it. */
  | { readonly kind: "unknown" };

/**
 * Reads an event of `/v1/messages` or `/v1/responses` as vLLM writes it, without parsing it.
 *
 * @param event its text as Latin-1, so that positions are those of its bytes
 */
export function readTextEvent(event: string, endpoint: TextEndpoint): TextEvent {
  if (event.startsWith(":")) return NOTHING;
  const name = event.startsWith(NAME) ? event.slice(NAME.length, event.indexOf("\n")) : "";
  if (name === "error") return { kind: "error" };
  return endpoint === "messages" ? ofMessage(name, event) : ofResponse(name, event);
}

const NAME = "event: ";
const NOTHING = { kind: "nothing" } as const;
const OPENS = { kind: "opens" } as const;
const CLOSES = { kind: "closes" } as const;
const FINISHES = { kind: "finishes" } as const;
const CALLS_TOOL = { kind: "calls_tool" } as const;
const UNKNOWN = { kind: "unknown" } as const;

function ofMessage(name: string, event: string): TextEvent {
  switch (name) {
    case "content_block_delta":
      return textAfter('"type":"text_delta","text":"', event);
    case "message_start":
      return OPENS;
    case "content_block_start":
      if (event.includes('"content_block":{"type":"text"')) return OPENS;
      return event.includes('"type":"tool_use"') ? CALLS_TOOL : UNKNOWN;
    case "content_block_stop":
      return CLOSES;
    case "message_delta":
      return event.includes('"stop_reason":"') ? FINISHES : { kind: "aborts" };
    case "message_stop":
    case "ping":
      return NOTHING;
    default:
      return UNKNOWN;
  }
}

function ofResponse(name: string, event: string): TextEvent {
  switch (name) {
    case "response.output_text.delta":
      return textAfter('"delta":"', event);
    case "response.created":
      return OPENS;
    case "response.output_item.added":
      if (event.includes('"role":"assistant"')) return OPENS;
      return event.includes('"type":"function_call"') ? CALLS_TOOL : UNKNOWN;
    case "response.content_part.added":
      return event.includes('"type":"output_text"') ? OPENS : UNKNOWN;
    case "response.output_text.done":
    case "response.content_part.done":
    case "response.output_item.done":
      return CLOSES;
    case "response.completed":
    case "response.incomplete":
    case "response.failed":
      return FINISHES;
    case "response.queued":
    case "response.in_progress":
      return NOTHING;
    default:
      return UNKNOWN;
  }
}

function textAfter(name: string, event: string): TextEvent {
  const at = stringAfter(event, name, 0);
  return at ? { kind: "text", at } : UNKNOWN;
}
