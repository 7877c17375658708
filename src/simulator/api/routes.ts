import { countMessageTokens, messages } from "./anthropic.ts";
import { transcribe } from "./audio.ts";
import { chatCompletions, chatCompletionsBatch } from "./chat.ts";
import { cohereChat } from "./cohere.ts";
import { completions, generate } from "./completions.ts";
import { classify, cohereEmbed, embeddings, pooling, rerank, score } from "./pooling.ts";
import { renderChats, renderCompletions, renderMessages } from "./render.ts";
import { responses } from "./responses.ts";
import { detokenizeTokens, tokenizeText } from "./tokens.ts";
import type { InferenceEndpoint } from "../inference/wording.ts";

/** The inference endpoints, by path; all are POST. */
export const INFERENCE_ENDPOINTS: Readonly<Record<string, InferenceEndpoint>> = {
  "/v1/chat/completions": chatCompletions,
  "/v1/chat/completions/batch": chatCompletionsBatch,
  "/v1/completions": completions,
  "/v1/responses": responses,
  "/v1/messages": messages,
  "/v1/messages/count_tokens": countMessageTokens,
  "/v1/chat/completions/render": renderChats,
  "/v1/completions/render": renderCompletions,
  "/v1/messages/render": renderMessages,
  "/inference/v1/generate": generate,
  "/cohere/v2/chat": cohereChat,
  "/v1/embeddings": embeddings,
  "/v2/embed": cohereEmbed,
  "/pooling": pooling,
  "/classify": classify,
  "/score": score,
  "/v1/score": score,
  "/rerank": rerank,
  "/v1/rerank": rerank,
  "/v2/rerank": rerank,
  "/tokenize": tokenizeText,
  "/detokenize": detokenizeTokens,
  "/v1/audio/transcriptions": transcribe,
  "/v1/audio/translations": transcribe,
};
