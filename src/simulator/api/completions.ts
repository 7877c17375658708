import { planAnswer } from "../inference/answer.ts";
import { isObject, type Json, parseJsonBody, readCount } from "./body.ts";
import { servedModel } from "./models.ts";
import { checkScaleOut } from "./render.ts";
import { readPrompts } from "../inference/prompt.ts";
import { requestId, type ServerState } from "../server_state.ts";
import { createStreamFrame } from "../inference/stream_frame.ts";
import { END_OF_ANSWER } from "../inference/token_chain.ts";
import { idMembers } from "../inference/token_ids.ts";
import { usage } from "../inference/usage.ts";
import type { Choice, InferenceEndpoint, Wording } from "../inference/wording.ts";

/** POST /v1/completions. Several prompts, or `n`, produce several choices. */
export const completions: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  const model = servedModel(body, server.models);
  const count = readCount(body, "n", 1) ?? 1;
  // This endpoint generates 16 tokens by default.
  const limited = { ...body, max_tokens: body.max_tokens ?? 16 };
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
      token: (send, { tokens }) => send(event(tokens.slice(-1), null)),
      finish: (send, { tokens, finishReason }) =>
        send(event(tokens.slice(-1).filter((token) => token === END_OF_ANSWER), finishReason)),
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
  const created = Math.floor(Date.now() / 1000);
  const frame = createStreamFrame({
    id,
    object: "text_completion",
    created,
    model,
  }, body);
  const promptIn = (choice: Choice, isFirst: boolean) =>
    isFirst ? ids.ofPrompt(choice) : '"prompt_token_ids":null';
  return {
    token(send, choice, text) {
      const prompt = promptIn(choice, choice.tokens.length === 1);
      const more = `,"stop_reason":null,${prompt},${ids.ofToken(choice)}`;
      send(frame.choice(choice, `"text":${JSON.stringify(text)}`, null, { choice: more }));
    },
    finish(send, choice) {
      const reason = JSON.stringify(choice.stopReason);
      const prompt = promptIn(choice, choice.tokens[0] === END_OF_ANSWER);
      const more = `,"stop_reason":${reason},${prompt},${ids.ofEnd(choice)}`;
      send(frame.choice(choice, `"text":""`, choice.finishReason, { choice: more }));
    },
    end: frame.end,
    document: (choices) => ({
      id,
      object: "text_completion",
      created,
      model,
      choices: choices.map(({ index, text, finishReason, stopReason }) => ({
        index,
        text,
        logprobs: null,
        finish_reason: finishReason,
        stop_reason: stopReason,
      })),
      usage: usage(choices),
    }),
  };
}
