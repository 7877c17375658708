import { lastOfMessages } from "./by_text/messages_seam.ts";
import { lastOfResponses } from "./by_text/responses_seam.ts";
import { asksUsage } from "./next_body.ts";
import type { KeptStream } from "./kept_stream.ts";

/**
 * Returns the events that end a stream of which nothing but its end is missing: the finish reason
 * if the limit of tokens is reached, the usage if it was asked for, and the last event.
 */
export function lastEvents(kept: KeptStream): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(LAST[kept.endpoint](kept));
}

const LAST = {
  chat: lastChunks,
  completions: lastChunks,
  messages: lastOfMessages,
  responses: lastOfResponses,
};

function lastChunks(kept: KeptStream): string {
  const object = kept.endpoint === "chat" ? "chat.completion.chunk" : "text_completion";
  const { id, created, model } = kept.identity!;
  const event = (more: object) =>
    `data: ${JSON.stringify({ id, object, created, model, ...more })}\n\n`;
  const content = kept.endpoint === "chat" ? { delta: {} } : { text: "" };
  const end = { index: 0, ...content, logprobs: null, finish_reason: "length", stop_reason: null };
  const prompt = kept.promptIds!.split(",").length;
  const usage = {
    prompt_tokens: prompt,
    total_tokens: prompt + kept.allTokens,
    completion_tokens: kept.allTokens,
  };
  return [
    kept.hasFinished ? "" : event({ choices: [end] }),
    asksUsage(kept) && !kept.hasUsage ? event({ choices: [], usage }) : "",
    "data: [DONE]\n\n",
  ].join("");
}
