import { planAnswer } from "../inference/answer.ts";
import { type Json, parseJsonBody, readCount } from "./body.ts";
import { missingField } from "./errors.ts";
import { servedModel } from "./models.ts";
import { renderChat } from "../inference/prompt.ts";
import { requestId } from "../server_state.ts";
import { createStreamFrame } from "../inference/stream_frame.ts";
import { usage } from "../inference/usage.ts";
import type { InferenceEndpoint, Wording } from "../inference/wording.ts";

/** POST /v1/chat/completions; `n` asks for several choices. */
export const chatCompletions: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const prompt = renderChat(body);
  const count = readCount(body, "n", 1) ?? 1;
  return {
    stream: body.stream === true,
    plans: Array.from({ length: count }, (_, n) => planAnswer(prompt, body, server, n)),
    wording: chatWording(`chatcmpl-${requestId(request, server)}`, model, body),
  };
};

/** POST /v1/chat/completions/batch: one choice for each list of messages. */
export const chatCompletionsBatch: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const { messages } = body;
  if (!Array.isArray(messages) || !messages.every(Array.isArray)) {
    throw missingField("messages");
  }
  return {
    stream: false,
    plans: messages.map((each) =>
      planAnswer(renderChat({ ...body, messages: each }), body, server)
    ),
    wording: chatWording(`chatcmpl-${requestId(request, server)}`, model, body),
  };
};

function chatWording(id: string, model: string, body: Json): Wording {
  const created = Math.floor(Date.now() / 1000);
  const frame = createStreamFrame({
    id,
    object: "chat.completion.chunk",
    created,
    model,
  }, body);
  return {
    start(send, choices) {
      for (const choice of choices) {
        send(frame.choice(choice, `"delta":{"role":"assistant","content":""}`));
      }
    },
    token(send, choice, text) {
      send(frame.choice(choice, `"delta":{"content":${JSON.stringify(text)}}`));
    },
    finish(send, choice) {
      // vLLM goes straight to [DONE] without a finish reason.
      if (choice.forgotten) return;
      send(frame.choice(choice, `"delta":{}`, choice.finishReason));
    },
    end: frame.end,
    document: (choices) => ({
      id,
      object: "chat.completion",
      created,
      model,
      choices: choices.map(({ index, text, finishReason }) => ({
        index,
        message: {
          role: "assistant",
          content: text,
          refusal: null,
          tool_calls: [],
        },
        logprobs: null,
        finish_reason: finishReason,
        stop_reason: null,
      })),
      usage: usage(choices),
    }),
  };
}
