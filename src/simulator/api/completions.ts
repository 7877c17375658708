import { planAnswer } from "../inference/answer.ts";
import { echoing, readEcho } from "./echo.ts";
import { isObject, type Json, parseJsonBody } from "./body.ts";
import { completionLogprobs } from "./logprobs.ts";
import { servedModel } from "./models.ts";
import { checkScaleOut } from "./render.ts";
import { checkFields } from "./request_fields.ts";
import { readPrompts } from "../inference/prompt.ts";
import { requestId, type ServerState } from "../server_state.ts";
import { createStreamFrame } from "../inference/stream_frame.ts";
import { idMembers } from "../inference/token_ids.ts";
import { usage } from "../inference/usage.ts";
import type { InferenceEndpoint, Wording } from "../inference/wording.ts";

/** POST /v1/completions. Several prompts, or `n`, produce several choices. */
export const completions: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  checkFields(body, ["prompt"], { logprobs: "integer", echo: "boolean" });
  const model = servedModel(body, server.models);
  const count = Number(body.n ?? 1);
  // This endpoint generates 16 tokens by default.
  const limited = { ...body, max_tokens: readEcho(body) === "prompt" ? 1 : body.max_tokens ?? 16 };
  return {
    stream: body.stream === true,
    plans: readPrompts(body.prompt).flatMap((prompt) =>
      Array.from({ length: count }, (_, n) => planAnswer(prompt, limited, server, n))
    ),
    wording: completionWording(`cmpl-${requestId(request, server)}`, model, body, server),
  };
};

/** POST /inference/v1/generate: token ids in, token ids out. */
export const generate: InferenceEndpoint = (request, server) => {
  checkScaleOut(server);
  const body = parseJsonBody(request);
  servedModel(body, server.models);
  const [prompt] = readPrompts(body.token_ids, "token_ids");
  const sampling = isObject(body.sampling_params) ? body.sampling_params : {};
  const id = requestId(request, server);
  const choices = (tokens: number[], reason: string | null) => [
    { index: 0, token_ids: tokens, logprobs: null, finish_reason: reason },
  ];
  const event = (tokens: number[], reason: string | null) =>
    `data: ${JSON.stringify({ request_id: id, choices: choices(tokens, reason) })}\n\n`;
  return {
    stream: body.stream === true,
    plans: [planAnswer(prompt!, { ...sampling, cache_salt: body.cache_salt }, server)],
    wording: {
      token: (send, { tokens, finishReason }) => send(event(tokens.slice(-1), finishReason)),
      finish(send, { finishReason }) {
        if (finishReason === "abort") send(event([], finishReason));
      },
      end: (send) => send("data: [DONE]\n\n"),
      document: ([choice]) => ({
        request_id: id,
        choices: choices(choice!.tokens, choice!.finishReason),
      }),
    },
  };
};

function completionWording(
  id: string,
  model: string,
  body: Json,
  { version }: ServerState,
): Wording {
  const ids = idMembers(body, version);
  const echoed = echoing(body, ids.areAsked);
  const logprobs = completionLogprobs(body);
  const hasLogprobs = body.logprobs !== undefined && body.logprobs !== null;
  const created = Math.floor(Date.now() / 1000);
  const frame = createStreamFrame({
    id,
    object: "text_completion",
    created,
    model,
  }, body);
  return {
    token(send, choice, text) {
      const { tokens, finishReason, stopReason } = choice;
      const isFirst = tokens.length === 1;
      const sent = isFirst ? echoed(choice, text) : text;
      const prompt = isFirst ? ids.ofPrompt(choice) : '"prompt_token_ids":null';
      const reason = JSON.stringify(stopReason);
      send(frame.choice(choice, `"text":${JSON.stringify(sent)}`, finishReason, {
        choice: `,"stop_reason":${reason},${prompt},${ids.ofToken(choice)}`,
        ...(hasLogprobs && { logprobs: JSON.stringify(logprobs(choice, tokens.length - 1)) }),
      }));
    },
    finish(send, choice) {
      // An aborted answer has no last token.
      if (choice.finishReason !== "abort") return;
      const more = `,"stop_reason":null,"prompt_token_ids":null,${ids.ofNone}`;
      send(frame.choice(choice, `"text":""`, "abort", { choice: more }));
    },
    end: frame.end,
    document: (choices) => ({
      id,
      object: "text_completion",
      created,
      model,
      choices: choices.map((choice) => ({
        index: choice.index,
        text: echoed(choice, choice.text),
        logprobs: logprobs(choice),
        finish_reason: choice.finishReason,
        stop_reason: choice.stopReason,
        token_ids: ids.areAsked ? choice.tokens : null,
        prompt_token_ids: ids.areAsked ? [...choice.prompt] : null,
      })),
      usage: usage(choices),
    }),
  };
}
