import { readMaxTokens } from "../inference/answer.ts";
import { promptOf, readPrompts } from "../inference/prompt.ts";
import { knows } from "../inference/token_ids.ts";
import type { InferenceEndpoint } from "../inference/wording.ts";
import { requestId, type ServerState } from "../server_state.ts";
import { isObject, type Json, parseJsonBody } from "./body.ts";
import { RequestError } from "./errors.ts";
import { servedModel } from "./models.ts";

/** POST /v1/chat/completions/render: the request that /inference/v1/generate takes instead. */
export const renderChats = renderEndpoint((body, server, id) =>
  generateRequest(`chatcmpl-${id}`, promptOf(body, body, server.version), body, server)
);

/** POST /v1/messages/render */
export const renderMessages = renderChats;

/** POST /v1/completions/render: one request for each prompt. */
export const renderCompletions = renderEndpoint((body, server, id) => {
  const prompts = readPrompts(body.prompt);
  const limited = { ...body, max_tokens: body.max_tokens ?? 16 };
  return prompts.map((prompt, index) => {
    const requestId = prompts.length === 1 ? `cmpl-${id}` : `cmpl-${id}-${index}`;
    return generateRequest(requestId, prompt, limited, server);
  });
});

/** @throws {RequestError} when the server is started without --enable-scale-out */
export function checkScaleOut({ scaleOut }: ServerState): void {
  if (scaleOut) return;
  const message = "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out " +
    "to enable them.";
  throw new RequestError(403, "PermissionDeniedError", message);
}

function renderEndpoint(
  render: (body: Json, server: ServerState, id: string) => unknown,
): InferenceEndpoint {
  return (request, server) => {
    if (!knows(server.version, "render")) throw new RequestError(404, "NotFoundError", "Not Found");
    checkScaleOut(server);
    const body = parseJsonBody(request);
    servedModel(body, server.models);
    const document = render(body, server, requestId(request, server));
    return { stream: false, plans: [], wording: { document: () => document } };
  };
}

/** The members of vLLM's GenerateRequest. */
function generateRequest(
  id: string,
  prompt: Uint32Array,
  body: Json,
  { maxModelLen }: ServerState,
): Json {
  const { model = null, stream, stream_options: options, temperature } = body;
  return {
    request_id: id,
    token_ids: [...prompt],
    token_offsets: null,
    features: null,
    content_parts: null,
    sampling_params: {
      ...(temperature !== undefined && { temperature }),
      stop: [body.stop ?? body.stop_sequences ?? []].flat(),
      max_tokens: readMaxTokens(prompt, body, maxModelLen),
    },
    model,
    reasoning_ended: null,
    reasoning_parser_kwargs: null,
    return_token_ids: null,
    output_mode: "tokens",
    stream: stream === true,
    stream_options: stream === true && isObject(options) ? options : null,
    cache_salt: body.cache_salt ?? null,
    priority: body.priority ?? 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
  };
}
