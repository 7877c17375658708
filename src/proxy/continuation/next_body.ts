import { tellsIds } from "../request/continuable.ts";
import type { KeptStream } from "./kept_stream.ts";

type Json = Record<string, unknown>;

/** How a server is told what has been sent: by token ids, or as the last message. */
export type Manner = "ids" | "text";

/** vLLM's default for completions. */
const COMPLETION_TOKENS = 16;
const LIMITS = ["max_tokens", "max_completion_tokens", "max_output_tokens"] as const;

const encoder = new TextEncoder();

/**
 * Returns the body of the request for the rest of a stream: the client's, with the prompt and what
 * was sent, and the limits lowered by it.
 */
export function nextBody(kept: KeptStream, manner: Manner): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(nextRequest(kept, manner)));
}

/** Returns the same as {@linkcode nextBody}, not serialised. */
export function nextRequest(kept: KeptStream, manner: Manner): Json {
  const body = { ...requestOf(kept) };
  const sent = kept.sentTokens;
  for (const name of LIMITS) {
    if (typeof body[name] === "number") body[name] -= sent;
  }
  if (kept.endpoint === "completions") body.max_tokens ??= COMPLETION_TOKENS - sent;
  if (typeof body.min_tokens === "number") body.min_tokens = Math.max(0, body.min_tokens - sent);
  if (tellsIds(kept.endpoint)) body.return_token_ids = true;
  // The id under which a later request may name the whole response.
  if (kept.endpoint === "responses") body.request_id = responseIdOf(kept);
  if (manner === "text") return withLastMessage(body, kept);
  // Nothing has been sent, so that the prompt is the client's.
  if (kept.promptIds === undefined) return body;
  const ids = JSON.parse(`[${kept.idsSoFar()}]`);
  if (kept.endpoint === "completions") body.prompt = ids;
  else body.kv_transfer_params = { prompt_token_ids: ids };
  return body;
}

/** The id under which the answer is stored. */
export function responseIdOf({ opening }: KeptStream): unknown {
  return (opening[0]?.response as Json | undefined)?.id;
}

/** How many tokens may still come, `Infinity` if only the model's length limits them. */
export function tokensLeft(kept: KeptStream): number {
  const body = requestOf(kept);
  const limits = LIMITS.map((name) => body[name]).filter((limit) => typeof limit === "number");
  const fallback = kept.endpoint === "completions" ? COMPLETION_TOKENS : Infinity;
  return (limits.length > 0 ? Math.min(...limits as number[]) : fallback) - kept.sentTokens;
}

/** Whether the usage of the whole answer was asked for. */
export function asksUsage(kept: KeptStream): boolean {
  const { stream_options: options } = requestOf(kept);
  return typeof options === "object" && options !== null &&
    (options as Json).include_usage === true;
}

/** Whether the server goes on with the answer by itself, and keeps it. */
export function isBackground(kept: KeptStream): boolean {
  return kept.endpoint === "responses" && requestOf(kept).background === true;
}

/** The model that the request names. */
export function modelIn(kept: KeptStream): unknown {
  return requestOf(kept).model;
}

/** Whether the model may call tools. */
export function hasTools(kept: KeptStream): boolean {
  const { tools, tool_choice: choice } = requestOf(kept);
  return Array.isArray(tools) && tools.length > 0 && choice !== "none";
}

/** Whether the prompt has something besides text, for which its ids don't stand. */
export function hasMedia(kept: KeptStream): boolean {
  const { messages } = requestOf(kept);
  if (kept.endpoint !== "chat" || !Array.isArray(messages)) return false;
  return messages.some((message) => {
    const content: unknown = message?.content;
    return Array.isArray(content) &&
      content.some((part) => typeof part === "object" && part?.type !== "text");
  });
}

function requestOf({ request }: KeptStream): Readonly<Json> {
  return request === "unreadable" ? {} : request;
}

function withLastMessage(body: Json, kept: KeptStream): Json {
  const messages = body.messages as Json[];
  if (kept.sentTokens === 0) return body;
  const sent = kept.text();
  const last = messages.at(-1);
  const goesOn = body.continue_final_message === true && typeof last?.content === "string";
  return {
    ...body,
    messages: goesOn
      ? [...messages.slice(0, -1), { ...last, content: `${last.content}${sent}` }]
      : [...messages, { role: "assistant", content: sent }],
    continue_final_message: true,
    add_generation_prompt: false,
  };
}
