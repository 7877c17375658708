import { planAnswer } from "./answer.ts";
import { type Json, parseJsonBody, readCount } from "./body.ts";
import type { HttpRequest } from "./http_request.ts";
import type {
  Choice,
  InferenceEndpoint,
  ServerState,
  Wording,
} from "./inference.ts";
import { servedModel } from "./models.ts";
import { readPrompts, renderChat } from "./prompt.ts";

/** POST /v1/chat/completions */
export const chatCompletions: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const prompt = renderChat(body);
  const count = readCount(body, "n", 1) ?? 1;
  const plans = Array.from(
    { length: count },
    (_, n) => planAnswer(prompt, body, server, n),
  );
  const id = `chatcmpl-${requestId(request, server)}`;
  return {
    stream: body.stream === true,
    plans,
    wording: chatWording(id, model, body),
  };
};

/** POST /v1/completions */
export const completions: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const count = readCount(body, "n", 1) ?? 1;
  // The legacy endpoint stops after 16 tokens unless it is told otherwise.
  const limits = { max_tokens: 16, ...body };
  const plans = readPrompts(body.prompt).flatMap((prompt) =>
    Array.from(
      { length: count },
      (_, n) => planAnswer(prompt, limits, server, n),
    )
  );
  const id = `cmpl-${requestId(request, server)}`;
  return {
    stream: body.stream === true,
    plans,
    wording: completionWording(id, model, body),
  };
};

/** The id a client gave the request, or a fresh one. */
export function requestId(request: HttpRequest, server: ServerState): string {
  return request.headers.get("x-request-id") ?? server.createId();
}

export function usage(choices: readonly Choice[]): Json {
  // The choices of one prompt share it: it counts once.
  const prompts = new Map(choices.map((choice) => [choice.prompt, choice]));
  let promptTokens = 0;
  let cachedTokens = 0;
  for (const { prompt, cachedTokens: cached } of prompts.values()) {
    promptTokens += prompt.length;
    cachedTokens += cached;
  }
  const completionTokens = choices.reduce(
    (sum, { tokens }) => sum + tokens.length,
    0,
  );
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + completionTokens,
    completion_tokens: completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}

export function chatMessage(text: string): Json {
  return {
    role: "assistant",
    content: text,
    refusal: null,
    tool_calls: [],
    reasoning: null,
  };
}

function chatWording(id: string, model: string, body: Json): Wording {
  const created = Math.floor(Date.now() / 1000);
  const frame = streamFrame({
    id,
    object: "chat.completion.chunk",
    created,
    model,
  }, body);
  return {
    start(send, choices) {
      for (const { index } of choices) {
        send(
          frame.choice(
            index,
            `"delta":{"role":"assistant","content":""}`,
            null,
            choices,
          ),
        );
      }
    },
    token(send, choice, text) {
      const delta = `"delta":{"content":${JSON.stringify(text)}}`;
      send(frame.choice(choice.index, delta, null, [choice]));
    },
    finish(send, choice) {
      send(
        frame.choice(choice.index, `"delta":{}`, choice.finishReason, [choice]),
      );
    },
    end: frame.end,
    document: (choices) => ({
      id,
      object: "chat.completion",
      created,
      model,
      choices: choices.map(({ index, text, finishReason }) => ({
        index,
        message: chatMessage(text),
        logprobs: null,
        finish_reason: finishReason,
        stop_reason: null,
      })),
      usage: usage(choices),
    }),
  };
}

function completionWording(id: string, model: string, body: Json): Wording {
  const created = Math.floor(Date.now() / 1000);
  const frame = streamFrame(
    { id, object: "text_completion", created, model },
    body,
  );
  return {
    token(send, choice, text) {
      send(
        frame.choice(choice.index, `"text":${JSON.stringify(text)}`, null, [
          choice,
        ]),
      );
    },
    finish(send, choice) {
      send(
        frame.choice(choice.index, `"text":""`, choice.finishReason, [choice]),
      );
    },
    end: frame.end,
    document: (choices) => ({
      id,
      object: "text_completion",
      created,
      model,
      choices: choices.map(({ index, text, finishReason }) => ({
        index,
        text,
        logprobs: null,
        finish_reason: finishReason,
        stop_reason: null,
      })),
      usage: usage(choices),
    }),
  };
}

/** Builds a stream's events. What all have in common is made once, for the sake of the CPU. */
function streamFrame(common: Json, body: Json) {
  const options = (body.stream_options ?? {}) as Json;
  const prefix = `data: ${JSON.stringify(common).slice(0, -1)},"choices":[`;
  function withUsage(choices: readonly Choice[], wanted: unknown): string {
    return wanted === true ? `,"usage":${JSON.stringify(usage(choices))}` : "";
  }
  return {
    choice(
      index: number,
      content: string,
      finishReason: string | null,
      choices: readonly Choice[],
    ): string {
      const reason = finishReason === null ? "null" : `"${finishReason}"`;
      return `${prefix}{"index":${index},${content},"logprobs":null,"finish_reason":${reason}}]` +
        `${withUsage(choices, options.continuous_usage_stats)}}\n\n`;
    },
    end(send: (event: string) => void, choices: readonly Choice[]): void {
      if (options.include_usage === true) {
        send(`${prefix}]${withUsage(choices, true)}}\n\n`);
      }
      send("data: [DONE]\n\n");
    },
  };
}
