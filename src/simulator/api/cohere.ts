import { planAnswer } from "../inference/answer.ts";
import { type Json, parseJsonBody } from "./body.ts";
import { servedModel } from "./models.ts";
import { renderChat } from "../inference/prompt.ts";
import { requestId } from "../server_state.ts";
import type { Choice, InferenceEndpoint } from "../inference/wording.ts";

/** POST /cohere/v2/chat, answered with one document or, for a stream, with Cohere's events. */
export const cohereChat: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  servedModel(body, server.models);
  const id = requestId(request, server);
  return {
    stream: body.stream === true,
    plans: [planAnswer(renderChat(body), body, server)],
    wording: {
      start(send) {
        send(
          event("message-start", {
            id,
            delta: { message: { role: "assistant" } },
          }),
        );
        send(
          event("content-start", {
            index: 0,
            delta: { message: { content: { text: "" } } },
          }),
        );
      },
      token(send, _choice, text) {
        send(
          event("content-delta", {
            index: 0,
            delta: { message: { content: { text } } },
          }),
        );
      },
      finish(send, choice) {
        send(event("content-end", { index: 0 }));
        send(event("message-end", { delta: ending(choice) }));
      },
      document: ([choice]) => ({
        id,
        message: {
          role: "assistant",
          content: [{ type: "text", text: choice!.text }],
        },
        ...ending(choice!),
      }),
    },
  };
};

function event(type: string, data: Json): string {
  return `data: ${JSON.stringify({ type, ...data })}\n\n`;
}

function ending({ finishReason, prompt, tokens }: Choice): Json {
  return {
    finish_reason: finishReason === "length" ? "MAX_TOKENS" : "COMPLETE",
    usage: { tokens: { input_tokens: prompt.length, output_tokens: tokens.length } },
  };
}
