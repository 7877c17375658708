import { planAnswer } from "../inference/answer.ts";
import { type Json, parseJsonBody } from "./body.ts";
import { missingField, RequestError } from "./errors.ts";
import { servedModel } from "./models.ts";
import { promptOf } from "../inference/prompt.ts";
import { requestId, type ServerState } from "../server_state.ts";
import { namedEvent } from "../inference/stream_frame.ts";
import { countTokens } from "../inference/usage.ts";
import type { Choice, InferenceEndpoint, Wording } from "../inference/wording.ts";

/** Maximum number of stored answers; the oldest is evicted first. */
const MAX_STORED = 1000;

/** POST /v1/responses. The answer stays available at /v1/responses/ID. */
export const responses: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const { input, instructions, previous_response_id: previous } = body;
  if (input === undefined) throw missingField("input");
  if (typeof previous === "string" && !server.storedResponses.has(previous)) {
    throw new RequestError(
      404,
      "invalid_request_error",
      `Response with id '${previous}' not found.`,
      "response_id",
    );
  }
  const messages = typeof input === "string" ? [{ role: "user", content: input }] : input;
  const conversation = { messages, tools: body.tools, system: instructions ?? undefined };
  const prompt = promptOf(body, conversation, server.version);
  const id = typeof body.request_id === "string"
    ? body.request_id
    : `resp_${requestId(request, server)}`;
  return {
    stream: body.stream === true,
    plans: [planAnswer(prompt, body, server)],
    wording: responseWording(id, model, server, body.enable_response_messages === true),
  };
};

function responseWording(
  id: string,
  model: string,
  server: ServerState,
  tellsTokens: boolean,
): Wording {
  const created = Math.floor(Date.now() / 1000);
  const itemId = id.replace("resp_", "msg_");
  const place = { item_id: itemId, output_index: 0, content_index: 0 };
  let sequenceNumber = 0;

  const textPart = (text: string) => ({
    type: "output_text",
    text,
    annotations: [],
    logprobs: [],
  });
  const item = (status: string, content: unknown[]) => {
    return { id: itemId, type: "message", role: "assistant", status, content };
  };
  const response = (status: string, output: unknown[], more: Json = {}) => {
    return {
      id,
      object: "response",
      created_at: created,
      model,
      status,
      output,
      ...more,
    };
  };
  const event = (type: string, data: Json) =>
    namedEvent(type, { sequence_number: sequenceNumber++, ...data });

  function completed(choice: Choice): Json {
    const { prompt, cached, generated } = countTokens([choice]);
    const cut = choice.finishReason === "length";
    const status = cut ? "incomplete" : "completed";
    const output = isEmpty(choice) ? [] : [item(status, [textPart(choice.text)])];
    const document = response(status, output, {
      incomplete_details: cut ? { reason: "max_output_tokens" } : null,
      usage: {
        input_tokens: prompt,
        input_tokens_details: { cached_tokens: cached },
        output_tokens: generated,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: prompt + generated,
      },
      ...(tellsTokens && { input_messages: [rawMessage(choice.prompt)] }),
    });
    const { storedResponses } = server;
    storedResponses.set(id, document);
    if (storedResponses.size > MAX_STORED) {
      storedResponses.delete(storedResponses.keys().next().value!);
    }
    return document;
  }

  function finishItem(send: (event: string) => void, { text }: Choice): void {
    const part = textPart(text);
    send(event("response.output_text.done", { ...place, text, logprobs: [] }));
    send(event("response.content_part.done", { ...place, part }));
    const done = { output_index: 0, item: item("completed", [part]) };
    send(event("response.output_item.done", done));
  }

  return {
    accept(send) {
      send(event("response.created", { response: response("in_progress", []) }));
      send(
        event("response.in_progress", {
          response: response("in_progress", []),
        }),
      );
    },
    start(send, [choice]) {
      if (isEmpty(choice!)) return;
      const added = { output_index: 0, item: item("in_progress", []) };
      send(event("response.output_item.added", added));
      send(event("response.content_part.added", { ...place, part: textPart("") }));
    },
    token(send, _choice, text) {
      send(
        event("response.output_text.delta", {
          ...place,
          delta: text,
          logprobs: [],
        }),
      );
    },
    finish(send, choice) {
      if (!isEmpty(choice)) finishItem(send, choice);
      const type = choice.finishReason === "length" ? "response.incomplete" : "response.completed";
      send(event(type, { response: completed(choice) }));
    },
    // The connection closes without an error event.
    failure: () => undefined,
    document: ([choice]) => completed(choice!),
  };
}

function rawMessage(tokens: Uint32Array): Json {
  return { type: "raw_message_tokens", message: "", tokens: [...tokens] };
}

/** Returns whether the choice was aborted before its first token. */
function isEmpty({ finishReason, tokens }: Choice): boolean {
  return finishReason === "abort" && tokens.length === 0;
}
