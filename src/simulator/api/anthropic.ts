import { isObject, type Json, parseJsonBody } from "./body.ts";
import { blocksOf, createBlockWriter } from "./anthropic_blocks.ts";
import { answerChat, type ChatRequest } from "./chat_answer.ts";
import { servedModel } from "./models.ts";
import { checkFields } from "./request_fields.ts";
import { promptOf, renderChat } from "../inference/prompt.ts";
import { requestId, type ServerState } from "../server_state.ts";
import { namedEvent } from "../inference/stream_frame.ts";
import type { Tool, ToolChoice } from "../inference/tool_calls.ts";
import { countTokens } from "../inference/usage.ts";
import type { Choice, InferenceEndpoint, StreamFailure } from "../inference/wording.ts";

/**
 * vLLM converts chat events into these events and fails to parse a chat event that is an error, so
 * the status appears only in the message.
 */
const failure: StreamFailure = ({ status, message }) => {
  const error = {
    type: "internal_error",
    message: "4 validation errors for ChatCompletionStreamResponse\nid\n  Field required " +
      `[type=missing, input_value={'error': {'message': '${message}', 'code': ${status}}}, ` +
      "input_type=dict]",
  };
  return namedEvent("error", { error }) + "data: [DONE]\n\n";
};

/** POST /v1/messages, in Anthropic's format. */
export const messages: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  checkFields(body, ["max_tokens", "messages"]);
  const model = servedModel(body, server.models);
  const answer = answerChat(readMessages(body, server), server);
  const id = requestId(request, server);
  const message = { id: `chatcmpl-${id}`, type: "message", role: "assistant" };
  const callId = (call: number) => `chatcmpl-tool-${id}-${call}`;
  const blocks = createBlockWriter(callId, id);
  return {
    stream: body.stream === true,
    plans: answer.plans,
    wording: {
      start(send, choices) {
        const opening = {
          ...message,
          content: [],
          model,
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: countTokens(choices).prompt, output_tokens: 0 },
        };
        send(namedEvent("message_start", { message: opening }));
      },
      token(send, choice) {
        for (const piece of answer.pieces(choice)) {
          const events = blocks.add(piece);
          if (events) send(events);
        }
      },
      finish(send, choice) {
        const closed = blocks.close();
        if (closed) send(closed);
        const delta = stopOf(choice, answer.callsTool(choice));
        const usage = {
          input_tokens: choice.prompt.length,
          output_tokens: choice.tokens.length,
        };
        send(namedEvent("message_delta", { delta, usage }));
      },
      end: (send) => send(namedEvent("message_stop", {})),
      failure,
      document([choice]) {
        const parsed = answer.message(choice!);
        return {
          ...message,
          content: blocksOf(parsed, callId, id),
          model,
          ...stopOf(choice!, parsed.calls.length > 0),
          usage: {
            input_tokens: choice!.prompt.length,
            output_tokens: choice!.tokens.length,
            cache_read_input_tokens: choice!.cachedTokens,
          },
        };
      },
    },
  };
};

function readMessages(body: Json, { version }: ServerState): ChatRequest {
  const tools = readTools(body);
  const choice = isObject(body.tool_choice) ? body.tool_choice : {};
  const config = isObject(body.output_config) ? body.output_config : {};
  const format = isObject(config.format) ? config.format : {};
  return {
    chat: body,
    prompt: promptOf(body, body, version),
    sampling: { ...body, stop: body.stop_sequences },
    tools,
    choice: tools.length === 0 ? "none" : choiceOf(choice),
    isParallel: choice.disable_parallel_tool_use !== true,
    format: format.type === "json_schema" ? { schema: format.schema } : undefined,
  };
}

function readTools({ tools }: Json): readonly Tool[] {
  if (!Array.isArray(tools)) return [];
  return tools.flatMap((tool) => {
    const { name, input_schema: parameters } = isObject(tool) ? tool : {};
    return typeof name === "string" ? [{ name, parameters }] : [];
  });
}

function choiceOf({ type, name }: Json): ToolChoice {
  if (type === "any") return "required";
  if (type === "tool") return { name: String(name) };
  return type === "none" ? "none" : "auto";
}

function stopOf({ finishReason, stopReason }: Choice, callsTool: boolean): Json {
  if (finishReason === "length") return { stop_reason: "max_tokens", stop_sequence: null };
  if (typeof stopReason === "string") {
    return { stop_reason: "stop_sequence", stop_sequence: stopReason };
  }
  return { stop_reason: callsTool ? "tool_use" : "end_turn", stop_sequence: null };
}

/** POST /v1/messages/count_tokens */
export const countMessageTokens: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  servedModel(body, server.models);
  const tokens = renderChat(body).length;
  return {
    stream: false,
    plans: [],
    wording: {
      document: () => ({
        input_tokens: tokens,
        context_management: { original_input_tokens: tokens },
      }),
    },
  };
};
