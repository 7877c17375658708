import { isObject, type Json } from "../api/body.ts";
import { badRequest, missingField } from "../api/errors.ts";
import { hashTokens } from "../engine/token_hash.ts";
import { knows } from "./token_ids.ts";
import { joinTokens, tokenize } from "./tokenizer.ts";
import { VOCABULARY_SIZE } from "./vocabulary.ts";

/** Types of message parts that aren't text. */
const MEDIA = /image|audio|video|file/;

/**
 * Renders a conversation into tokens. Each part starts on a token boundary, so that an answer keeps
 * its tokens when the next turn sends it back as an assistant message.
 */
export function renderChat(body: Json): Uint32Array {
  const { messages, tools } = body;
  if (messages === undefined) throw missingField("messages", body);
  if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isObject)) {
    throw badRequest("messages must be a list of at least one message", "messages");
  }
  const parts: Uint32Array[] = [];
  if (body.system !== undefined) {
    parts.push(...renderMessage("system", contentText(body.system)));
  }
  if (Array.isArray(tools) && tools.length > 0) {
    parts.push(...renderMessage("tools", JSON.stringify(tools)));
  }
  for (const message of messages) {
    const calls = message.tool_calls ? JSON.stringify(message.tool_calls) : "";
    parts.push(...renderMessage(String(message.role), contentText(message.content) + calls));
  }
  const continues = body.continue_final_message === true &&
    body.add_generation_prompt === false;
  if (continues) parts.pop();
  else parts.push(tokenize("<|im_start|>assistant\n"));
  return joinTokens(parts);
}

/**
 * Returns a conversation's tokens, or those that the request gives itself. Like vLLM, it ignores
 * them if a message has more than text.
 */
export function promptOf(body: Json, conversation: Json, version: string): Uint32Array {
  const params = isObject(body.kv_transfer_params) ? body.kv_transfer_params : {};
  const { prompt_token_ids: given = null } = params;
  if (given === null || !knows(version, "promptIds") || hasMedia(conversation.messages)) {
    return renderChat(conversation);
  }
  if (isTokenIds(given)) return checkedIds(given, "kv_transfer_params.prompt_token_ids");
  throw badRequest(
    "`kv_transfer_params['prompt_token_ids']` must be a non-empty list of non-negative integers.",
    "kv_transfer_params.prompt_token_ids",
  );
}

/** Reads the prompts of a completion: a text, texts, token ids, or lists of token ids. */
export function readPrompts(prompt: unknown, name = "prompt"): Uint32Array[] {
  if (prompt === undefined) throw missingField(name);
  if (typeof prompt === "string") return [tokenize(prompt)];
  if (isTokenIds(prompt)) return [checkedIds(prompt, name)];
  if (Array.isArray(prompt) && prompt.length > 0) {
    if (prompt.every((part) => typeof part === "string")) {
      return prompt.map(tokenize);
    }
    if (prompt.every(isTokenIds)) {
      return prompt.map((ids) => checkedIds(ids, name));
    }
  }
  throw badRequest(`${name} must be a string, a list of strings or a list of token ids`, name);
}

/** Returns a message's content as text. The content is a string, or parts, not all of them text. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part) => {
    if (typeof part === "string") return part;
    if (typeof part?.text === "string") return part.text;
    return mediaText(part);
  }).join("");
}

/** An image costs 64 tokens, whatever the size of its data. Each digit is a token. */
function mediaText(part: unknown): string {
  const end = new TextEncoder().encode(JSON.stringify(part ?? null).slice(-32));
  return String(hashTokens(0, end)).padStart(16, "0") + "<|image_pad|>".repeat(48);
}

function hasMedia(messages: unknown): boolean {
  return Array.isArray(messages) && messages.some((message) =>
    Array.isArray(message?.content) &&
    message.content.some((part: unknown) => isObject(part) && MEDIA.test(String(part.type)))
  );
}

function renderMessage(role: string, text: string): Uint32Array[] {
  return [tokenize(`<|im_start|>${role}\n`), tokenize(text), tokenize("<|im_end|>\n")];
}

function isTokenIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 &&
    value.every((id) => Number.isSafeInteger(id) && id >= 0);
}

/** @throws {RequestError} when an id is none of the vocabulary's */
function checkedIds(ids: readonly number[], name: string): Uint32Array {
  const unknown = ids.find((id) => id >= VOCABULARY_SIZE);
  if (unknown !== undefined) throw badRequest(`Token id ${unknown} is out of vocabulary`, name);
  return Uint32Array.from(ids);
}
