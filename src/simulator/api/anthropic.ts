import { planAnswer } from "../inference/answer.ts";
import { parseJsonBody } from "./body.ts";
import { servedModel } from "./models.ts";
import { promptOf, renderChat } from "../inference/prompt.ts";
import type { FinishReason } from "../engine/sequence.ts";
import { requestId } from "../server_state.ts";
import { namedEvent } from "../inference/stream_frame.ts";
import { countTokens } from "../inference/usage.ts";
import type { InferenceEndpoint, StreamFailure } from "../inference/wording.ts";

const STOP_REASONS: Record<FinishReason, string> = {
  stop: "end_turn",
  length: "max_tokens",
  abort: "end_turn",
};

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
  const model = servedModel(body, server.models);
  const message = {
    id: `chatcmpl-${requestId(request, server)}`,
    type: "message",
    role: "assistant",
    model,
  };
  return {
    stream: body.stream === true,
    plans: [planAnswer(promptOf(body, body, server.version), body, server)],
    wording: {
      start(send, choices) {
        const usage = {
          input_tokens: countTokens(choices).prompt,
          output_tokens: 0,
        };
        const opening = {
          ...message,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage,
        };
        send(namedEvent("message_start", { message: opening }));
        const content_block = { type: "text", text: "" };
        send(namedEvent("content_block_start", { index: 0, content_block }));
      },
      token(send, _choice, text) {
        const delta = { type: "text_delta", text };
        send(namedEvent("content_block_delta", { index: 0, delta }));
      },
      finish(send, choice) {
        send(namedEvent("content_block_stop", { index: 0 }));
        const delta = {
          stop_reason: STOP_REASONS[choice.finishReason!],
          stop_sequence: null,
        };
        const usage = {
          input_tokens: choice.prompt.length,
          output_tokens: choice.tokens.length,
        };
        send(namedEvent("message_delta", { delta, usage }));
      },
      end: (send) => send(namedEvent("message_stop", {})),
      failure,
      document: ([choice]) => ({
        ...message,
        content: [{ type: "text", text: choice!.text }],
        stop_reason: STOP_REASONS[choice!.finishReason!],
        stop_sequence: null,
        usage: {
          input_tokens: choice!.prompt.length,
          output_tokens: choice!.tokens.length,
          cache_read_input_tokens: choice!.cachedTokens,
        },
      }),
    },
  };
};

/** POST /v1/messages/count_tokens */
export const countMessageTokens: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  servedModel(body, server.models);
  const tokens = renderChat(body).length;
  return {
    stream: false,
    plans: [],
    wording: { document: () => ({ input_tokens: tokens }) },
  };
};
