import { isObject, type Json } from "../api/body.ts";
import { badRequest, missingField } from "../api/errors.ts";
import { joinTokens, tokenize } from "./tokenizer.ts";

/**
 * Renders a conversation into tokens. Each part starts on a token boundary, so that an answer keeps
 * its tokens when the next turn sends it back as an assistant message.
 */
export function renderChat(body: Json): Uint32Array {
  const { messages, tools } = body;
  if (messages === undefined) throw missingField("messages");
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

/** Reads the prompts of a completion: a text, texts, token ids, or lists of token ids. */
export function readPrompts(prompt: unknown, name = "prompt"): Uint32Array[] {
  if (prompt === undefined) throw missingField(name);
  if (typeof prompt === "string") return [tokenize(prompt)];
  if (isTokenIds(prompt)) return [Uint32Array.from(prompt)];
  if (Array.isArray(prompt) && prompt.length > 0) {
    if (prompt.every((part) => typeof part === "string")) {
      return prompt.map(tokenize);
    }
    if (prompt.every(isTokenIds)) {
      return prompt.map((ids) => Uint32Array.from(ids));
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
    // An image costs a fixed number of tokens, whatever the size of its data.
    return `<|${part?.type}|>`.padEnd(256, JSON.stringify(part ?? null).slice(-32));
  }).join("");
}

function renderMessage(role: string, text: string): Uint32Array[] {
  return [tokenize(`<|im_start|>${role}\n`), tokenize(text), tokenize("<|im_end|>\n")];
}

function isTokenIds(value: unknown): value is number[] {
  return Array.isArray(value) && value.length > 0 &&
    value.every((id) => Number.isSafeInteger(id) && id >= 0);
}
