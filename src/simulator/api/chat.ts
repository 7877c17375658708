import { planAnswer } from "../inference/answer.ts";
import { type Json, parseJsonBody, readCount } from "./body.ts";
import { type ChatParser, createChatParser } from "./chat_parser.ts";
import { missingField } from "./errors.ts";
import { servedModel } from "./models.ts";
import { promptOf, renderChat } from "../inference/prompt.ts";
import { requestId, type ServerState } from "../server_state.ts";
import { createStreamFrame } from "../inference/stream_frame.ts";
import { usage } from "../inference/usage.ts";
import { idMembers } from "../inference/token_ids.ts";
import type { Choice, InferenceEndpoint, Wording } from "../inference/wording.ts";

/** POST /v1/chat/completions; `n` asks for several choices. */
export const chatCompletions: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const prompt = promptOf(body, body, server.version);
  const count = readCount(body, "n", 1) ?? 1;
  const tool = toolIn(body);
  const habits = { thinks: server.reasoning, callsTools: tool !== undefined };
  return {
    stream: body.stream === true,
    plans: Array.from({ length: count }, (_, n) => planAnswer(prompt, body, server, n, habits)),
    wording: chatWording(`chatcmpl-${requestId(request, server)}`, model, body, server, tool),
  };
};

/** The name of the tool that the answer may call. */
function toolIn({ tools, tool_choice: choice = "auto" }: Json): string | undefined {
  if (!Array.isArray(tools) || choice !== "auto") return undefined;
  return tools[0]?.function?.name;
}

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
    wording: chatWording(`chatcmpl-${requestId(request, server)}`, model, body, server, undefined),
  };
};

function chatWording(
  id: string,
  model: string,
  body: Json,
  { reasoning: thinks, version }: ServerState,
  tool: string | undefined,
): Wording {
  const ids = idMembers(body, version);
  const parsers = new Map<number, ChatParser>();
  const parserOf = ({ index, prompt }: Choice) => {
    let parser = parsers.get(index);
    if (!parser) parsers.set(index, parser = createChatParser({ prompt, thinks, tool }));
    return parser;
  };
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
        const event = `,${ids.ofPrompt(choice)},"prompt_text":null`;
        send(frame.choice(choice, `"delta":{"role":"assistant","content":""}`, null, { event }));
      }
    },
    token(send, choice, text) {
      const delta = parserOf(choice).push(choice.tokens.at(-1)!, text);
      // What a parser doesn't let through is sent for the sake of its ids only.
      if (delta === undefined && !ids.areAsked) return;
      send(
        frame.choice(choice, delta ?? `"delta":{}`, null, { choice: `,${ids.ofToken(choice)}` }),
      );
    },
    finish(send, choice) {
      // vLLM goes straight to [DONE] without a finish reason.
      if (choice.forgotten) return;
      const parser = parserOf(choice);
      const rest = parser.flush();
      if (rest) send(frame.choice(choice, rest, null, { choice: `,${ids.ofNone}` }));
      const { finishReason, stopReason } = choice;
      const reason = parser.callsTool && finishReason === "stop" ? "tool_calls" : finishReason;
      const more = `,"stop_reason":${JSON.stringify(stopReason)},${ids.ofEnd(choice)}`;
      send(frame.choice(choice, `"delta":{}`, reason, { choice: more }));
    },
    end: frame.end,
    document: (choices) => ({
      id,
      object: "chat.completion",
      created,
      model,
      choices: choices.map(({ index, text, finishReason, stopReason }) => ({
        index,
        message: {
          role: "assistant",
          content: text,
          refusal: null,
          tool_calls: [],
        },
        logprobs: null,
        finish_reason: finishReason,
        stop_reason: stopReason,
      })),
      usage: usage(choices),
      prompt_token_ids: ids.areAsked ? [...choices[0]!.prompt] : null,
    }),
  };
}
