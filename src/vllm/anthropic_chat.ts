type Json = Record<string, unknown>;

/**
 * Converts a request of `/v1/messages` to the chat that vLLM makes of it (0.32,
 * `entrypoints/anthropic/serving.py`), as far as that decides the prompt.
 *
 * @returns `undefined` if it has anything that isn't text, tools or their results
 */
export function chatOfMessages(request: Readonly<Json>): Json | undefined {
  const { system, messages, tools, model, chat_template_kwargs, output_config } = request;
  try {
    const effort = (output_config as Json | undefined)?.effort;
    return {
      model,
      messages: [...systemOf(system), ...(messages as Json[]).flatMap(messagesOf)],
      ...(Array.isArray(tools) ? { tools: tools.map(toolOf), tool_choice: "auto" } : {}),
      ...(chat_template_kwargs ? { chat_template_kwargs } : {}),
      ...(effort ? { reasoning_effort: effort } : {}),
    };
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** What isn't as the format says throws a TypeError as well. */
const notText = () => new TypeError("not text");

/** vLLM leaves out the header with which Claude Code marks each request. */
const BILLING = "x-anthropic-billing-header";

function systemOf(system: unknown): Json[] {
  if (!system) return [];
  const texts = typeof system === "string"
    ? [system]
    : (system as Json[]).map(textOf).filter((text) => !text.startsWith(BILLING));
  return texts.length > 0 ? [{ role: "system", content: texts.join("") }] : [];
}

function messagesOf({ role, content }: Json): Json[] {
  if (role !== "user" && role !== "assistant") throw notText();
  if (typeof content === "string") return [{ role, content }];
  const results: Json[] = [];
  const parts: Json[] = [];
  const calls: Json[] = [];
  let reasoning = "";
  for (const block of content as Json[]) {
    switch (block.type) {
      case "text":
        if (block.text) parts.push({ type: "text", text: textOf(block) });
        break;
      case "thinking":
        if (typeof block.thinking !== "string") throw notText();
        reasoning += block.thinking;
        break;
      case "tool_use":
        calls.push(callOf(block));
        break;
      case "tool_result":
        if (role !== "user") throw notText();
        results.push(resultOf(block));
        break;
      default:
        throw notText();
    }
  }
  const hasContent = parts.length > 0;
  if (role === "user" && !hasContent) return results;
  return [...results, {
    role,
    ...(reasoning ? { reasoning } : {}),
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
    ...(hasContent ? { content: parts.length === 1 ? parts[0]!.text : parts } : {}),
  }];
}

function callOf({ id, name, input }: Json): Json {
  const call = { name, arguments: JSON.stringify(input ?? {}) };
  return { id, type: "function", function: call };
}

function resultOf({ tool_use_id, content }: Json): Json {
  const text = typeof content === "string"
    ? content
    : ((content ?? []) as Json[]).map(textOf).join("\n");
  return { role: "tool", tool_call_id: tool_use_id ?? "", content: text };
}

function toolOf({ name, description, input_schema, strict, defer_loading }: Json): Json {
  const tool = { name, description, parameters: input_schema, strict, defer_loading };
  return { type: "function", function: tool };
}

function textOf({ type, text }: Json): string {
  if (type !== "text" || typeof text !== "string") throw notText();
  return text;
}
