import { isObject, type Json, parseJsonBody } from "./body.ts";
import { answerChat } from "./chat_answer.ts";
import type { Format } from "./chat_options.ts";
import { badRequest, invalidValue, RequestError } from "./errors.ts";
import { servedModel } from "./models.ts";
import { checkFields } from "./request_fields.ts";
import { responseNotFound } from "./response_store.ts";
import { type ResponseProgress, responseWording } from "./response_wording.ts";
import { promptOf } from "../inference/prompt.ts";
import { isOpen, keep, type StoredResponse } from "../stored_response.ts";
import type { Tool, ToolChoice } from "../inference/tool_calls.ts";
import type { InferenceEndpoint } from "../inference/wording.ts";

const NO_STORE = "This vLLM engine does not support `store=True` and therefore does not support " +
  "the background mode. To enable these features, set the environment variable " +
  "`VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server.";

/** POST /v1/responses. The answer stays available at /v1/responses/ID. */
export const responses: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  checkFields(body, ["input"]);
  const model = servedModel(body, server.models);
  const { input, instructions, previous_response_id: previousId } = body;
  const isBackground = body.background === true;
  const isStored = body.store !== false && server.responsesStore;
  if (isBackground && body.store === false) {
    throw invalidValue("background can only be used when `store` is true", "background");
  }
  if (isBackground && !isStored) {
    throw new RequestError(400, "invalid_request_error", NO_STORE, "background");
  }
  const previous = typeof previousId === "string"
    ? server.storedResponses.get(previousId)
    : undefined;
  if (typeof previousId === "string" && !previous) throw responseNotFound(previousId);
  const messages = [...previous?.messages ?? [], ...messagesOf(input)];
  const tools = readTools(body);
  const chat = { messages, tools: body.tools, system: instructions ?? undefined };
  const answer = answerChat({
    chat,
    prompt: promptOf(body, chat, server.version),
    sampling: body,
    tools,
    choice: readChoice(body, tools),
    isParallel: body.parallel_tool_calls !== false,
    format: readFormat(body),
  }, server);

  // Unlike other ids, it doesn't repeat the request's header.
  const id = typeof body.request_id === "string" ? body.request_id : `resp_${server.createId()}`;
  const describe = describer(body, { id, model });
  const stored: StoredResponse | undefined = isBackground
    ? {
      document: describe({ status: "queued", output: [] }),
      messages,
      events: body.stream === true ? [] : undefined,
      readers: new Set(),
    }
    : undefined;
  const wording = responseWording(
    id.replace(/^resp_/, ""),
    answer,
    describe,
    (document, output) => {
      const conversation = [...messages, ...messagesOf(output)];
      if (stored && !isOpen(stored)) return;
      if (stored) Object.assign(stored, { document, messages: conversation });
      else if (isStored) {
        const kept = {
          document,
          messages: conversation,
          events: undefined,
          readers: new Set<never>(),
        };
        keep(server.storedResponses, id, kept);
      }
    },
  );
  if (stored) keep(server.storedResponses, id, stored);
  return {
    stream: body.stream === true,
    plans: answer.plans,
    wording,
    ...(stored && { background: stored }),
  };
};

/** Returns what builds the document of a response. */
function describer(body: Json, { id, model }: { readonly id: string; readonly model: string }) {
  const created_at = Math.floor(Date.now() / 1000);
  const hasTools = Array.isArray(body.tools) && body.tools.length > 0;
  const tellsTokens = body.enable_response_messages === true;
  return ({ status, output, usage, prompt }: ResponseProgress): Json => ({
    id,
    created_at,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: body.instructions ?? null,
    metadata: body.metadata ?? null,
    model,
    object: "response",
    output,
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    temperature: body.temperature ?? 1,
    tool_choice: hasTools ? body.tool_choice ?? "auto" : "none",
    tools: body.tools ?? [],
    top_p: body.top_p ?? 1,
    background: body.background ?? false,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: body.max_tool_calls ?? null,
    previous_response_id: body.previous_response_id ?? null,
    prompt: null,
    reasoning: body.reasoning ?? null,
    service_tier: "auto",
    status,
    text: body.text ?? null,
    top_logprobs: body.top_logprobs ?? null,
    truncation: body.truncation ?? "disabled",
    usage: usage ?? null,
    user: body.user ?? null,
    input_messages: tellsTokens && prompt ? [rawMessage(prompt)] : null,
    output_messages: null,
  });
}

function rawMessage(tokens: Uint32Array): Json {
  return { type: "raw_message_tokens", message: "", tokens: [...tokens] };
}

/** Reads the items of an input or an output as chat messages. */
function messagesOf(input: unknown): Json[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  if (!Array.isArray(input)) {
    throw badRequest("input must be a string or a list of items", "input");
  }
  return input.filter(isObject).map((item) => {
    switch (item.type) {
      case "function_call": {
        const { call_id, name, arguments: text } = item;
        const call = { id: call_id, type: "function", function: { name, arguments: text } };
        return { role: "assistant", content: "", tool_calls: [call] };
      }
      case "function_call_output":
        return { role: "tool", tool_call_id: item.call_id, content: item.output };
      case "reasoning":
        return { role: "assistant", content: item.content };
      default:
        return item;
    }
  });
}

function readTools({ tools }: Json): readonly Tool[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool) => {
    const { type, name, parameters } = isObject(tool) ? tool : {};
    return type === "function" && typeof name === "string" ? [{ name, parameters }] : [];
  });
}

function readChoice({ tool_choice: choice }: Json, tools: readonly Tool[]): ToolChoice {
  const name = isObject(choice) && choice.type === "function" ? String(choice.name) : undefined;
  if (name !== undefined && !tools.some((tool) => tool.name === name)) {
    throw invalidValue("Tool choice 'function' not found in 'tools' parameter.", "tool_choice");
  }
  if (choice === "required" && tools.length === 0) {
    const message = "Tool choice 'required' must be specified with 'tools' parameter.";
    throw invalidValue(message, "tool_choice");
  }
  if (name !== undefined) return { name };
  if (tools.length === 0 || choice === "none") return "none";
  return choice === "required" ? "required" : "auto";
}

function readFormat({ text }: Json): Format | undefined {
  const format = isObject(text) && isObject(text.format) ? text.format : {};
  if (format.type === "json_schema") return { schema: format.schema };
  if (format.type !== "json_object") return undefined;
  return { schema: { type: "object", properties: { answer: { type: "string" } } } };
}
