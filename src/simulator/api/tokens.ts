import { parseJsonBody } from "./body.ts";
import { servedModel } from "./models.ts";
import { readPrompts, renderChat } from "../inference/prompt.ts";
import { detokenize } from "../inference/tokenizer.ts";
import { tokenString } from "../inference/vocabulary.ts";
import type { InferenceEndpoint } from "../inference/wording.ts";

/** POST /tokenize, for a prompt or messages. */
export const tokenizeText: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  servedModel(body, server.models);
  const tokens = body.messages === undefined ? readPrompts(body.prompt)[0]! : renderChat(body);
  const document = {
    count: tokens.length,
    max_model_len: server.maxModelLen,
    tokens: [...tokens],
    token_strs: body.return_token_strs === true ? Array.from(tokens, tokenString) : null,
  };
  return { stream: false, plans: [], wording: { document: () => document } };
};

/** POST /detokenize */
export const detokenizeTokens: InferenceEndpoint = (request, server) => {
  const body = parseJsonBody(request);
  servedModel(body, server.models);
  const [tokens] = readPrompts(body.tokens, "tokens");
  const prompt = detokenize(tokens!);
  return {
    stream: false,
    plans: [],
    wording: { document: () => ({ prompt }) },
  };
};
