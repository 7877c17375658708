import { type Json, parseJsonBody } from "./body.ts";
import { answerChat, type ChatRequest } from "./chat_answer.ts";
import { readFormat, readToolChoice, readTools } from "./chat_options.ts";
import { chatWording } from "./chat_wording.ts";
import { checkFields } from "./request_fields.ts";
import { missingField } from "./errors.ts";
import { servedModel } from "./models.ts";
import { promptOf } from "../inference/prompt.ts";
import { requestId, type ServerState } from "../server_state.ts";
import type { InferenceEndpoint } from "../inference/wording.ts";

/** POST /v1/chat/completions; `n` asks for several choices. */
export const chatCompletions: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  checkFields(body, ["messages"], { logprobs: "boolean", top_logprobs: "integer" });
  const model = servedModel(body, server.models);
  const asked = readChat(body, server);
  const answer = answerChat(asked, server);
  const id = `chatcmpl-${requestId(request, server)}`;
  return {
    stream: body.stream === true,
    plans: answer.plans,
    wording: chatWording(
      { id, model, body, choice: asked.choice, version: server.version },
      answer,
    ),
  };
};

function readChat(body: Json, server: ServerState): ChatRequest {
  const tools = readTools(body);
  return {
    chat: body,
    sampling: body,
    tools,
    choice: readToolChoice(body, tools),
    isParallel: body.parallel_tool_calls !== false,
    format: readFormat(body),
    count: Number(body.n ?? 1),
    prompt: promptOf(body, body, server.version),
  };
}

/** POST /v1/chat/completions/batch: one choice for each list of messages. */
export const chatCompletionsBatch: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const { messages } = body;
  if (!Array.isArray(messages) || !messages.every(Array.isArray)) {
    throw missingField("messages", body);
  }
  const answers = messages.map((each) =>
    answerChat(readChat({ ...body, messages: each, n: 1 }, server), server)
  );
  const id = `chatcmpl-${requestId(request, server)}`;
  return {
    stream: false,
    plans: answers.flatMap(({ plans }) => plans),
    wording: chatWording({ id, model, body, choice: "none", version: server.version }, {
      pieces: (choice) => answers[choice.index]!.pieces(choice),
      message: (choice) => answers[choice.index]!.message(choice),
    }),
  };
};
